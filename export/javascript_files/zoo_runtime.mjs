// Runs a part that `export_model` wrote, in Node.js or in a browser: what `export.load` is in Python.
//
//   import * as ort from "onnxruntime-node";  // in a browser onnxruntime-web
//   import { load } from "./zoo_runtime.mjs";
//
//   const decoder = await load(ort, "out/decoder");
//   const z = decoder.samplePrior(10, { seed: 0 });
//   const { x } = await decoder.run({ z });
//   console.log(x.shape, x.data); // [10, 28, 28, 1], Float32Array
//
// It depends on nothing but the onnxruntime that is handed in. Inputs are tensors
// `{ data, shape }`, where data is an array or a typed array, or nested arrays.

const FORMAT_VERSION = 1;
const VARIANTS = ["float16", "int8"];
const LARGEST = { float32: 3.4028234663852886e38, int32: 2 ** 31 - 1 };
const RANGE_TOLERANCE = 1e-6; // interpolation may give pixels slightly above 1 by rounding

// Open the exported folder of one part: a path in Node.js, or an address in a browser.
// Options: `variant` ("float16" or "int8"), `verifyChecksum` (true by default), `session`, the
// options of onnxruntime's InferenceSession.create, and `read`, an async function from the name of a
// file to its bytes, for files that lie elsewhere.
export async function load(ort, folder, { variant, verifyChecksum = true, session, read } = {}) {
  if (variant !== undefined && !VARIANTS.includes(variant)) {
    throw new TypeError(`variant is ${variant}; give one of ${VARIANTS.join(", ")}, or none.`);
  }
  const open = read ?? ((name) => readFile(`${String(folder).replace(/\/$/, "")}/${name}`));
  const signature = JSON.parse(new TextDecoder().decode(await open("signature.json")));
  if (signature.format_version !== FORMAT_VERSION) {
    throw new Error(`The signature has format version ${signature.format_version}, but this file ` +
      `reads ${FORMAT_VERSION}: export again, or take zoo_runtime.mjs of the same version.`);
  }
  const file = variant ? `model.${variant}.onnx` : "model.onnx";
  const bytes = await open(file);
  if (verifyChecksum) await checkBytes(bytes, signature.files?.[file], file);
  const onnx = await ort.InferenceSession.create(bytes, session);
  return new Session(ort, onnx, signature);
}

// One part, ready to run; `load` makes it. `inputs` and `outputs` are those of signature.json.
export class Session {
  constructor(ort, onnx, signature) {
    Object.assign(this, { ort, onnx, signature });
    this.part = signature.part;
    this.inputs = signature.inputs;
    this.outputs = signature.outputs;
    for (const [which, names] of [["inputs", onnx.inputNames], ["outputs", onnx.outputNames]]) {
      const stated = this[which].map((tensor) => tensor.name);
      if ([...stated].sort().join() !== [...names].sort().join()) {
        throw new Error(`The file has the ${which} ${names}, but the signature states ${stated}.`);
      }
    }
  }

  // Run the part: tensors by name in, tensors `{ data, shape }` by name out. Throws a TypeError or
  // RangeError that says what is expected, before anything runs.
  async run(inputs) {
    const checked = this.check(inputs);
    const n = checked[this.inputs[0].name].shape[0];
    if (n === 0) return this.#nothing();
    const feeds = {};
    for (const { name, dtype } of this.inputs) {
      feeds[name] = new this.ort.Tensor(dtype, checked[name].data, checked[name].shape);
    }
    const results = await this.onnx.run(feeds, this.outputs.map(({ name }) => name));
    const found = {};
    for (const tensor of this.outputs) {
      const { data, dims } = results[tensor.name];
      if (data instanceof Float32Array && !data.every(Number.isFinite)) {
        throw new RangeError(`The ${this.part} fails on these inputs: the output ` +
          `${described(tensor)} has NaN or infinite values. Give inputs like the training data.`);
      }
      found[tensor.name] = { data, shape: [...dims] };
    }
    return found;
  }

  #nothing() {
    const made = ({ dtype }) => (dtype === "int32" ? new Int32Array() : new Float32Array());
    return Object.fromEntries(this.outputs.map((tensor) =>
      [tensor.name, { data: made(tensor), shape: [0, ...tensor.shape.slice(1)] }]));
  }

  // Return the inputs as typed arrays with their shapes; throws an error if one is invalid.
  check(inputs) {
    const wanted = this.inputs.map(({ name }) => name);
    const came = Object.keys(inputs ?? {});
    if ([...came].sort().join() !== [...wanted].sort().join()) {
      throw new TypeError(`The ${this.part} takes ${this.inputs.map(described).join("; ")}. ` +
        `Received: ${came.join(", ") || "nothing"}.`);
    }
    const found = {};
    for (const tensor of this.inputs) found[tensor.name] = checkTensor(tensor, inputs[tensor.name]);
    const rows = wanted.map((name) => found[name].shape[0]);
    if (new Set(rows).size > 1) {
      const each = wanted.map((name, i) => `${name} has ${rows[i]}`).join(", ");
      throw new RangeError(`The inputs have different numbers of rows: ${each}.`);
    }
    return found;
  }

  // Return `n` samples of the prior, `{ data, shape }`. The same seed gives the same samples, which
  // are not those of Python. `name` is needed if several inputs have a prior; `label`, an array of n
  // classes, if the prior depends on them.
  samplePrior(n, { seed, name, label } = {}) {
    if (!Number.isInteger(n) || n < 0) {
      throw new RangeError(`n is ${n}; give a whole number of rows.`);
    }
    const drawable = this.inputs.filter((tensor) => tensor.prior);
    const names = drawable.map((tensor) => tensor.name);
    if (!drawable.length) throw new TypeError(`No input of the ${this.part} has a prior.`);
    const tensor = name === undefined && names.length === 1 ? drawable[0]
      : drawable.find((one) => one.name === name);
    if (!tensor) throw new TypeError(`name is ${name}; the inputs with a prior are ${names}.`);
    const shape = tensor.shape.slice(1);
    return { data: samplePrior(tensor.prior, n, shape, seed, label), shape: [n, ...shape] };
  }

  // Return the names of the classes, in the order of the labels; null if the export has none.
  get labelNames() {
    const named = [...this.inputs, ...this.outputs].find((tensor) => tensor.label_names);
    return named ? named.label_names : null;
  }

  // Return the number of a class from its name, for `label`.
  labelOf(name) {
    const place = (this.labelNames ?? []).indexOf(name);
    if (place < 0) {
      throw new RangeError(`There is no class ${name}; the classes are ` +
        `${this.labelNames?.join(", ") ?? "without names: export with label_names="}.`);
    }
    const label = this.inputs.find((tensor) => tensor.name === "label");
    return place + (label?.range?.[0] ?? 0);
  }
}

async function readFile(path) {
  const inNode = typeof process !== "undefined" && process.versions?.node;
  if (inNode && !/^https?:/.test(path)) {
    const { readFile: read } = await import("node:fs/promises");
    return new Uint8Array(await read(path));
  }
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} cannot be read: ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

async function checkBytes(bytes, expected, file) {
  if (!expected) throw new Error(`The signature does not list ${file}: export it, with variants=.`);
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    throw new Error("Checksums need a page from https:// or localhost; else verifyChecksum: false.");
  }
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (bytes.length !== expected.bytes || found !== expected.sha256) {
    throw new Error(`${file} is not the file that was exported: it has ${bytes.length} bytes and ` +
      `SHA-256 ${found.slice(0, 12)}..., but the signature states ${expected.bytes} bytes and ` +
      `${expected.sha256.slice(0, 12)}... . Copy it again, or export again.`);
  }
}

function described({ name, dtype, shape, range }) {
  const span = range ? ` in [${range[0]}, ${range[1]}]` : "";
  return `${name}: ${dtype} [${shape.join(", ")}]${span}`;
}

function checkTensor(tensor, value) {
  const given = value?.data !== undefined ? value : flattened(tensor, value);
  const { data } = given;
  const shape = [...(given.shape ?? given.dims ?? [data.length])];
  const sizes = tensor.shape.slice(1);
  const fits = shape.length === sizes.length + 1 && sizes.every((size, i) => shape[i + 1] === size);
  if (!fits || data.length !== shape.reduce((a, b) => a * b, 1)) {
    throw new RangeError(`Expected ${described(tensor)}, got ${data.length} numbers in the shape ` +
      `[${shape.join(", ")}].`);
  }
  const image = tensor.name === "x" && tensor.dtype === "float32" && !tensor.prior;
  if (image && ArrayBuffer.isView(data) && !/^Float/.test(data.constructor.name)) {
    throw new TypeError(`${described(tensor)} takes floats, got ${data.constructor.name}. If these ` +
      "are pixels from 0 to 255, divide by 255.");
  }
  checkValues(tensor, data, shape, image);
  return { data: tensor.dtype === "int32" ? Int32Array.from(data) : Float32Array.from(data), shape };
}

function checkValues(tensor, data, shape, image) {
  const bound = LARGEST[tensor.dtype];
  const [low, high] = tensor.range ?? [-bound, bound];
  if (tensor.padded) checkEnds(tensor, data, shape);
  if (tensor.missing) checkCategories(tensor, data, shape);
  const mayLack = tensor.padded || tensor.missing;
  let least = Infinity, most = -Infinity, whole = true;
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (typeof value !== "number" || (!mayLack && Number.isNaN(value))) {
      const lost = tensor.missing ? ", and NaN for what was not seen" : "";
      throw new TypeError(
        `${described(tensor)}: got ${String(value)}; give finite numbers${lost}.`,
      );
    }
    least = value < least ? value : least;
    most = value > most ? value : most;
    whole &&= Number.isInteger(value) || Number.isNaN(value);
  }
  if (tensor.dtype === "int32" && !whole) {
    throw new TypeError(`${described(tensor)} takes integers, got values such as ${least}.`);
  }
  if (least < low - RANGE_TOLERANCE || most > high + RANGE_TOLERANCE) {
    const pixels = low === 0 && high === 1 && tensor.dtype === "float32" && most > 1 && most <= 255;
    throw new RangeError(`${described(tensor)}: got values from ${least} to ${most}.` +
      (pixels ? " If these are pixels up to 255, divide by 255." : ""));
  }
  if (image && !tensor.range && whole && least >= 0 && most > 16 && most <= 255) {
    throw new RangeError(`${described(tensor)}: got whole numbers up to ${most}. If these are ` +
      "pixels up to 255, divide by 255, or scale them like the training images.");
  }
}

// Signals may end early, with NaN after their end in all channels, but may have no gaps.
function checkEnds(tensor, data, shape) {
  const first = tensor.layout === "channels_first";
  const [rows, time, channels] = first ? [shape[0], shape[2], shape[1]] : shape;
  for (let row = 0; row < rows; row++) {
    let ended = false;
    for (let step = 0; step < time; step++) {
      let lost = 0;
      for (let c = 0; c < channels; c++) {
        const place = first ? c * time + step : step * channels + c;
        lost += Number.isNaN(data[row * time * channels + place]);
      }
      if ((lost && lost < channels) || (ended && !lost) || (lost && !step)) {
        throw new RangeError(`${described(tensor)}: got NaN before the end of a signal, in some ` +
          "channels, or everywhere; NaN stands for the steps after the end.");
      }
      ended = lost > 0;
    }
  }
}

// A category that was not seen is NaN in all of its columns.
function checkCategories(tensor, data, shape) {
  for (const { column, first, values } of tensor.categories ?? []) {
    for (let row = 0; row < shape[0]; row++) {
      const start = row * shape[1] + first;
      const lost = values.filter((_, i) => Number.isNaN(data[start + i])).length;
      if (lost && lost < values.length) {
        throw new RangeError(`${described(tensor)}: row ${row} has NaN in some columns of the ` +
          `category '${column}'; if a category was not seen, all of its columns are NaN.`);
      }
    }
  }
}

// Return nested arrays, or a plain list of labels, as `{ data, shape }`.
function flattened(tensor, value) {
  if (ArrayBuffer.isView(value)) return { data: value, shape: [value.length] };
  if (!Array.isArray(value)) {
    throw new TypeError(`${described(tensor)}: give { data, shape } or nested arrays.`);
  }
  const shape = [];
  for (let one = value; Array.isArray(one) || ArrayBuffer.isView(one); one = one[0]) {
    shape.push(one.length);
  }
  const data = [];
  const collect = (one, depth) => {
    const listed = Array.isArray(one) || ArrayBuffer.isView(one);
    if (listed !== depth < shape.length || (listed && one.length !== shape[depth])) {
      throw new RangeError(`${described(tensor)}: the nested arrays have different lengths.`);
    }
    if (listed) for (const inner of one) collect(inner, depth + 1);
    else data.push(one);
  };
  collect(value, 0);
  return { data, shape };
}

// Return samples of a prior from a signature, a Float32Array of n rows.
// Kinds: see `draw_prior` in Python; the same seed gives the same samples in any engine that has the
// same Math.log and Math.cos.
export function samplePrior(prior, n, shape, seed, label) {
  const draw = prior.kind === "normal_by_label" ? KINDS.normalByLabel : KINDS[prior.kind];
  if (!draw) {
    throw new RangeError(`The prior has the kind ${prior.kind}, which this file cannot sample. ` +
      "Sample it yourself and pass the array.");
  }
  if (label !== undefined && prior.kind !== "normal_by_label") {
    throw new TypeError("The prior does not depend on the label: leave out label.");
  }
  const random = uniforms(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const found = new Float32Array(n * size);
  for (let row = 0; row < n; row++) found.set(draw(prior, shape, size, random, label, n, row), row * size);
  if (!found.every(Number.isFinite)) {
    throw new RangeError("The samples are not finite: the prior does not fit the codes.");
  }
  return found;
}

const KINDS = {
  normal: ({ mean = 0, scale = 1 }, shape, size, random) => list(size, (i) =>
    entry(mean, shape, i) + entry(scale, shape, i) * normal(random)),
  uniform: ({ low = -1, high = 1 }, shape, size, random) => list(size, (i) =>
    entry(low, shape, i) + (entry(high, shape, i) - entry(low, shape, i)) * random()),
  bernoulli: ({ p = 0.5 }, shape, size, random) => list(size, (i) =>
    Number(random() < entry(p, shape, i))),
  sphere: ({ radius = 1 }, shape, size, random) => {
    const found = list(size, () => normal(random));
    const length = Math.hypot(...found);
    return found.map((value) => (radius * value) / length);
  },
  categorical: ({ weights }, shape, size, random) => {
    const chosen = choice(weights, random);
    return list(size, (i) => Number(i === chosen));
  },
  swiss_roll: ({ radius, turns, noise }, shape, size, random) => {
    const root = Math.sqrt(random());
    const angle = 2 * Math.PI * turns * root;
    return [Math.cos(angle), Math.sin(angle)].map((value) =>
      radius * root * value + noise * normal(random));
  },
  mixture: ({ means, scales = 1, weights, factors }, shape, size, random) => {
    const chosen = choice(weights ?? means.map(() => 1 / means.length), random);
    let noise = list(size, () => normal(random));
    if (factors) noise = factors[chosen].map((row) => row.reduce((sum, v, j) => sum + v * noise[j], 0));
    return list(size, (i) => means[chosen][i] + scaleOf(scales, chosen, i) * noise[i]);
  },
  normalByLabel: ({ means, scales }, shape, size, random, label, n, row) => {
    const known = label?.length === n && Number.isInteger(label[row]) && means[label[row]];
    if (!known) {
      throw new RangeError(`The prior depends on the label: give label with ${n} integers from 0 ` +
        `to ${means.length - 1}.`);
    }
    return list(size, (i) => [means, scales].map((rows) => rows[label[row]].flat(Infinity)[i]))
      .map(([mean, scale]) => mean + scale * normal(random));
  },
};

function list(size, make) {
  return Array.from({ length: size }, (_, i) => make(i));
}

// Scales of a mixture: one number, one a dimension, one a component [k, 1], or one for each of both.
function scaleOf(scales, chosen, i) {
  if (typeof scales === "number") return scales;
  const row = Array.isArray(scales[0]) ? scales[scales.length === 1 ? 0 : chosen] : scales;
  return row.length === 1 ? row[0] : row[i];
}

// Return the entry of a number or nested array for one element of a code, by NumPy's broadcasting.
function entry(value, shape, i) {
  if (typeof value === "number") return value;
  const sizes = [];
  for (let one = value; Array.isArray(one); one = one[0]) sizes.push(one.length);
  const places = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    places.unshift(i % shape[axis]);
    i = Math.floor(i / shape[axis]);
  }
  return sizes.reduce((one, size, axis) =>
    one[size === 1 ? 0 : places[axis + shape.length - sizes.length]], value);
}

function choice(weights, random) {
  let left = random() * weights.reduce((a, b) => a + b, 0);
  const found = weights.findIndex((weight) => (left -= weight) < 0);
  return found < 0 ? weights.length - 1 : found;
}

function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

// Return a function that gives numbers in [0, 1): the generator sfc32 (C. Doty-Humphrey, PractRand),
// 32 bits a number, from a seed; without a seed from the engine's own generator.
function uniforms(seed) {
  if (seed === undefined || seed === null) return Math.random;
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`seed is ${seed}; give a whole number from 0 to 4294967295.`);
  }
  let [a, b, c, counter] = [0, seed, 0x9e3779b9, 1];
  const next = () => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return (result >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
