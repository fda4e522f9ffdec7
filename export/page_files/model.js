// The exported networks, run by onnxruntime-web, and their pictures on canvases.
import * as ort from "./onnxruntime-web/ort.wasm.min.mjs";

ort.env.wasm.numThreads = 1; // more need headers that a plain server does not send
ort.env.wasm.wasmPaths = new URL("onnxruntime-web/", document.baseURI).href;

export let about; // what page.json says
let decoder;
let encoder; // a promise; the file is fetched when it is first needed
let running = Promise.resolve();

export async function describeModel() {
  about = await fetched("page.json", (response) => response.json());
}

async function fetched(name, read) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
  return read(response);
}

export function numbers(name) {
  return fetched(name, async (response) => new Float32Array(await response.arrayBuffer()));
}

export function bytes(name) {
  return fetched(name, async (response) => new Uint8Array(await response.arrayBuffer()));
}

async function network(name) {
  const data = await fetched(name, (response) => response.arrayBuffer());
  return ort.InferenceSession.create(data, { executionProviders: ["wasm"] });
}

export async function loadDecoder() {
  decoder = await network("decoder.onnx");
}

export function loadEncoder() {
  encoder ??= network("encoder.onnx").catch((error) => {
    encoder = undefined; // so that the next image tries again
    throw error;
  });
  return encoder;
}

// Decode rows of codes, each with its class.
export function decode(rows, labels) {
  const n = labels.length;
  const feeds = {};
  feeds[about.code.name] = new ort.Tensor("float32", rows, [n, ...about.code.shape]);
  if (about.label) feeds[about.label.name] = classes(labels);
  return inTurn(decoder, feeds, about.picture.name);
}

// Return the code of one picture, whose values are in the encoder's range and order.
export async function encode(values, label) {
  const session = await loadEncoder();
  const feeds = {};
  feeds[about.encoder.picture] = new ort.Tensor("float32", values, [1, ...about.encoder.shape]);
  if (about.encoder.takes_label) feeds[about.label.name] = classes([label]);
  const code = await inTurn(session, feeds, about.encoder.code);
  if (!code.every(Number.isFinite)) throw new Error("it gives a code that is not finite");
  return Float32Array.from(code);
}

function classes(labels) {
  return new ort.Tensor("int32", Int32Array.from(labels), [labels.length]);
}

// One call after the other: the runtime takes one at a time.
function inTurn(session, feeds, name) {
  const result = running.then(() => session.run(feeds)).then((outputs) => outputs[name].data);
  running = result.catch(() => {});
  return result;
}

// Return the encoder's input of shares of 0 to 1, in its range and its order of values.
export function arranged(shares) {
  const [channels, height, width] = about.picture.shape;
  const { strides } = about.picture;
  const { low, high } = about.encoder;
  const values = new Float32Array(shares.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const share = shares[(y * width + x) * channels + c];
        values[c * strides[0] + y * strides[1] + x * strides[2]] = low + (high - low) * share;
      }
    }
  }
  return values;
}

// Put row `row` of decoded values on a canvas, one pixel a pixel.
export function paint(context, values, row = 0, left = 0, top = 0) {
  const { low, high, strides } = about.picture;
  const [channels, height, width] = about.picture.shape;
  const image = context.createImageData(width, height);
  const first = row * channels * height * width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const place = 4 * (y * width + x);
      for (let c = 0; c < 3; c++) {
        const channel = channels === 1 ? 0 : c;
        const value = values[first + channel * strides[0] + y * strides[1] + x * strides[2]];
        image.data[place + c] = Math.round(255 * (value - low) / (high - low));
      }
      image.data[place + 3] = 255;
    }
  }
  context.putImageData(image, left, top);
}

// Make a canvas as large as `tiles` x `tiles` pictures, and return its context.
export function sized(canvas, tiles = 1) {
  const [, height, width] = about.picture.shape;
  canvas.width = width * tiles;
  canvas.height = height * tiles;
  return canvas.getContext("2d", { willReadFrequently: true });
}
