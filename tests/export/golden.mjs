// An application in JavaScript: runs an exported part on its golden inputs and compares.
//   node golden.mjs out/decoder
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createRequire } from "node:module";
import { load } from "../../export/javascript_files/zoo_runtime.mjs";

const ort = createRequire(join(process.cwd(), "package.json"))("onnxruntime-node");
const part = process.argv[2];
const index = JSON.parse(readFileSync(join(part, "golden", "index.json"), "utf8"));

function read({ dtype, shape, file }) {
  const { buffer, byteOffset, byteLength } = readFileSync(join(part, "golden", file));
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength); // aligned, as typed arrays want
  return { data: dtype === "int32" ? new Int32Array(bytes) : new Float32Array(bytes), shape };
}

const session = await load(ort, part);
const inputs = Object.fromEntries(index.inputs.map((entry) => [entry.name, read(entry)]));
const results = await session.run(inputs);

const found = {};
for (const entry of index.outputs) {
  const expected = read(entry).data;
  const { data: got, shape } = results[entry.name];
  let passed = got.length === expected.length;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(got[i] - expected[i]);
    largest = Math.max(largest, off);
    passed &&= off <= entry.atol + entry.rtol * Math.abs(expected[i]); // false for NaN as well
  }
  found[entry.name] = { shape, largest, passed };
}
console.log(JSON.stringify(found));
