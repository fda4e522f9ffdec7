// Runs cases from standard input through zoo_runtime.mjs, for test_javascript.py; JSON in and out.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Session, load, samplePrior } from "../../export/javascript_files/zoo_runtime.mjs";

const asked = JSON.parse(readFileSync(0, "utf8"), (_, v) => (v === "NaN" ? NaN : v));

const ANSWERS = {
  // Which inputs are accepted, by a session that computes nothing.
  check({ signature, inputs }) {
    const names = (which) => signature[which].map(({ name }) => name);
    const onnx = { inputNames: names("inputs"), outputNames: names("outputs") };
    return new Session(null, onnx, signature).check(inputs);
  },
  typed({ signature, kind, data, shape }) {
    const array = globalThis[kind].from(data);
    return ANSWERS.check({ signature, inputs: { x: { data: array, shape } } });
  },
  prior({ prior, n, shape, seed, label }) {
    return Array.from(samplePrior(prior, n, shape, seed, label));
  },
  async run({ folder, options, seed, n, label, className }) {
    const ort = createRequire(join(process.cwd(), "package.json"))("onnxruntime-node");
    const session = await load(ort, folder, options);
    const z = session.samplePrior(n, { seed });
    const labels = className === undefined ? label : Array(n).fill(session.labelOf(className));
    const { x } = await session.run({ z, label: labels });
    return { z: Array.from(z.data), x: Array.from(x.data), shape: x.shape, names: session.labelNames };
  },
};

const found = [];
for (const one of asked) {
  try {
    found.push({ value: await ANSWERS[one.what](one) });
  } catch (error) {
    found.push({ error: error.name, message: error.message });
  }
}
console.log(JSON.stringify(found));
