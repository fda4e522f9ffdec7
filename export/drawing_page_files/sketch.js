// The exported networks of a SketchRNN, run by onnxruntime-web, and draws from its mixtures.
// A drawing is a list of rows (dx, dy, p1, p2, p3), as in zoo.data.strokes.
import * as ort from "./onnxruntime-web/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a plain server does not send
ort.env.wasm.wasmPaths = new URL("onnxruntime-web/", document.baseURI).href;

const CANDIDATES = 64; // codes among which a begun drawing chooses
const START = [0, 0, 1, 0, 0];
export const END = [0, 0, 0, 0, 1];

export let about; // what page.json says
const networks = {};
let running = Promise.resolve();

async function fetched(name, read) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return read(response);
}

export async function load() {
  about = await fetched("page.json", (response) => response.json());
  for (const name of ["encoder", "initial_state", "step"]) {
    const data = await fetched(`${name}.onnx`, (response) => response.arrayBuffer());
    networks[name] = await ort.InferenceSession.create(data, { executionProviders: ["wasm"] });
  }
}

// One call after the other: the runtime takes one at a time.
function run(name, inputs, n) {
  const feeds = {};
  for (const [input, values] of Object.entries(inputs)) {
    const shape = input === "x" ? [n, about.length, 5] : [n, values.length / n];
    feeds[input] = new ort.Tensor("float32", Float32Array.from(values), shape);
  }
  const result = running.then(() => networks[name].run(feeds));
  running = result.catch(() => {});
  return result;
}

export async function encode(rows) {
  const padded = [...rows, ...Array(about.length - rows.length).fill(END)];
  const { z_mean: mean } = await run("encoder", { x: padded.flat() }, 1);
  return Array.from(mean.data);
}

export function fromPrior() {
  return Array.from({ length: about.latent }, () => about.scale * normal());
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

async function initialState(codes, n) {
  return Array.from((await run("initial_state", { z: codes }, n)).state.data);
}

// Run one step for n drawings; return the outputs of each, and the next states.
async function step(codes, previous, states, n) {
  const found = await run("step", { z: codes, previous, state: states }, n);
  const of = (name, i) => {
    const values = found[name].data;
    return Array.from(values.slice(i * values.length / n, (i + 1) * values.length / n));
  };
  const mixtures = Array.from({ length: n }, (_, i) => ({
    pen: of("pen", i), weight: of("log_weight", i), mean: of("mean", i),
    stddev: of("stddev", i), correlation: of("correlation", i),
  }));
  return [mixtures, Array.from(found.next_state.data)];
}

// Yield the rows of a drawing one by one, after the rows `begun` and the state after them.
export async function* draw(z, temperature, begun = [], state = null) {
  state ??= await initialState(z, 1);
  let previous = begun.at(-1) ?? START;
  for (let t = begun.length; t < about.length - 1; t++) {
    const [[mixture], next] = await step(z, previous, state, 1);
    previous = temperature > 0 ? drawn(mixture, temperature) : mostProbable(mixture);
    if (previous[4]) return;
    yield previous;
    state = next;
  }
}

// Return a code under which a begun drawing is probable, and the decoder's state after it.
export async function continuing(begun) {
  const n = CANDIDATES;
  const codes = Array.from({ length: n }, fromPrior);
  const flat = codes.flat();
  let states = await initialState(flat, n);
  let previous = START;
  const score = new Array(n).fill(0);
  for (const row of begun) {
    const [mixtures, next] = await step(flat, Array(n).fill(previous).flat(), states, n);
    mixtures.forEach((mixture, i) => { score[i] += logProbability(mixture, row); });
    [states, previous] = [next, row];
  }
  const best = Math.max(...score);
  const chosen = choice(score.map((value) => Math.exp(value - best)));
  return { z: codes[chosen], state: states.slice(chosen * about.state, (chosen + 1) * about.state) };
}

function choice(weights) {
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length; i++) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.length - 1;
}

function softened(logarithms, temperature) {
  const most = Math.max(...logarithms);
  return logarithms.map((value) => Math.exp((value - most) / temperature));
}

function drawn({ pen, weight, mean, stddev, correlation }, temperature) {
  const j = choice(softened(weight, temperature));
  const root = Math.sqrt(temperature);
  const [first, second, rho] = [normal(), normal(), correlation[j]];
  const other = rho * first + Math.sqrt(1 - rho * rho) * second;
  const dx = mean[2 * j] + root * stddev[2 * j] * first;
  const dy = mean[2 * j + 1] + root * stddev[2 * j + 1] * other;
  return row(dx, dy, choice(softened(pen, temperature)));
}

function mostProbable({ pen, weight, mean }) {
  const j = weight.indexOf(Math.max(...weight));
  return row(mean[2 * j], mean[2 * j + 1], pen.indexOf(Math.max(...pen)));
}

function row(dx, dy, state) {
  return state === 2 ? END : [dx, dy, state === 0 ? 1 : 0, state === 1 ? 1 : 0, 0];
}

function logProbability({ pen, weight, mean, stddev, correlation }, [dx, dy, p1, p2]) {
  const terms = weight.map((logWeight, j) => {
    const [sx, sy, rho] = [stddev[2 * j], stddev[2 * j + 1], correlation[j]];
    const [u, v] = [(dx - mean[2 * j]) / sx, (dy - mean[2 * j + 1]) / sy];
    const rest = 1 - rho * rho;
    const square = (u * u + v * v - 2 * rho * u * v) / rest;
    return logWeight - square / 2 - Math.log(2 * Math.PI * sx * sy) - Math.log(rest) / 2;
  });
  const most = Math.max(...terms);
  const sum = terms.reduce((total, term) => total + Math.exp(term - most), 0);
  return most + Math.log(sum) + p1 * pen[0] + p2 * pen[1];
}
