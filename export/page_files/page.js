// The page of one exported model: its code, and what is seen of it.
import {
  about, decode, describeModel, loadDecoder, numbers, paint, sized,
} from "./model.js";
import { makeDream } from "./dream.js";
import { makeNearest, showNearest } from "./nearest.js";
import { makeOwnImage, showOwnClass } from "./own_image.js";

const VARIATIONS = 16;
const TILES = 15;
const LONGEST_ADDRESS = 64; // numbers of a code that still go into the page's address

const at = (id) => document.getElementById(id);
await describeModel().catch((error) => { fail(error); throw error; });
const size = about.code.start.length;
const [, height, width] = about.picture.shape;

let pool, codes, pictures;
let code = Float32Array.from(about.code.start);
let label = about.label ? about.label.low : 0;
let original = false; // is the code that of a picture, which is shown beside what is decoded?
let wanted = false;
let noise; // of the variations
let stopDream = () => {};
const sliders = [];
const classes = [];
const variations = [];

async function start() {
  [, pool, codes, pictures] = await Promise.all([
    loadDecoder(),
    about.draws && numbers("draws.bin"),
    about.examples && numbers("codes.bin"),
    about.examples && numbers("pictures.bin"),
  ]);
  describe();
  makeSliders();
  makeClasses();
  makePlane();
  makeExamples();
  makeVariations();
  makeButtons();
  makeDreams();
  makeOwnImage({ label: () => label, choose, takeCode });
  arrange();
  await makeNearest(takeCode);
  if (about.examples) startFromExample(0);
  readAddress();
  window.addEventListener("hashchange", () => {
    readAddress();
    show();
    drawPlane().catch(fail);
  });
  at("main").hidden = false;
  at("status").textContent = "";
  show();
  await drawPlane();
}

function fail(error) {
  at("status").textContent = `This decoder cannot be shown: ${error.message ?? error}`;
  at("status").className = "failed";
  console.error(error);
}

function describe() {
  document.title = about.title;
  at("title").textContent = about.title;
  at("about").textContent = about.description;
  at("made").append(
    `Licence of the model: ${about.licence}. Made by autoencoder-zoo ${about.version}; runs with `,
    link("onnxruntime-web", "onnxruntime-web/LICENSE"), " (",
    link("third-party notices", "onnxruntime-web/ThirdPartyNotices.txt"), ").",
  );
}

function link(text, address) {
  const element = document.createElement("a");
  element.href = address;
  element.textContent = text;
  return element;
}

function makeSliders() {
  const { low, high } = about.code;
  for (let i = 0; i < size; i++) {
    const row = document.createElement("label");
    const slider = document.createElement("input");
    const value = document.createElement("output");
    Object.assign(slider, { type: "range", min: low[i], max: high[i], step: "any" });
    slider.setAttribute("aria-label", `Code, dimension ${i + 1}`);
    slider.addEventListener("input", () => { code[i] = slider.value; change(); });
    // Without a step of its own a slider moves too far for one press.
    slider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      code[i] = clamp(code[i] + step * (high[i] - low[i]) / 100, i);
      change();
    });
    row.append(`z${i + 1}`, slider, value);
    sliders.push({ slider, value });
    at("sliders").append(row);
  }
}

function clamp(value, i) {
  return Math.min(Math.max(value, about.code.low[i]), about.code.high[i]);
}

// A button that carries a picture; its context is for painting.
function pictureButton(strip, text, name, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", name);
  const canvas = document.createElement("canvas");
  button.append(canvas, text);
  button.addEventListener("click", press);
  strip.append(button);
  return { button, context: sized(canvas) };
}

function makeClasses() {
  if (!about.label) return;
  const strip = at("classes").querySelector(".strip");
  for (let value = about.label.low; value <= about.label.high; value++) {
    const name = about.label.names?.[value - about.label.low] ?? String(value);
    classes.push(pictureButton(strip, name, `Class ${name}`, () => choose(value)));
  }
  at("classes").hidden = false;
}

function choose(value) {
  label = value;
  change();
  drawPlane().catch(fail);
}

function makeExamples() {
  if (!about.examples) return;
  const strip = at("examples").querySelector(".strip");
  about.examples.labels.forEach((_, row) => {
    const { context } = pictureButton(strip, "", `Example ${row + 1}`, () => {
      const before = label;
      startFromExample(row);
      change(true);
      if (label !== before) drawPlane().catch(fail);
    });
    paint(context, pictures, row);
  });
  at("examples").hidden = false;
}

function startFromExample(row) {
  code = codes.slice(row * size, (row + 1) * size);
  if (about.label) label = about.examples.labels[row];
  showOriginal(pictures, "the example", row);
}

// Show the code of a visitor's own image, whose values are in the encoder's order. Return whether
// the plane, if there is one, reaches as far.
function takeCode(values, picture, name) {
  code = values;
  showOriginal(picture, name);
  change(true);
  return size !== 2 || values.every((value, i) => value === clamp(value, i));
}

function showOriginal(values, name, row = 0) {
  original = true;
  paint(sized(at("original-picture")), values, row);
  at("original-picture").setAttribute("aria-label", `What was encoded: ${name}`);
  at("original-name").textContent = name;
}

function makeVariations() {
  const strip = at("variations").querySelector(".strip");
  for (let i = 0; i < VARIATIONS; i++) {
    variations.push(pictureButton(strip, "", `Variation ${i + 1}`, () => {
      code = variedCodes().slice(i * size, (i + 1) * size);
      change();
    }));
  }
  shuffle();
  at("spread").addEventListener("input", () => change(true));
  at("again").addEventListener("click", () => { shuffle(); change(true); });
}

function shuffle() {
  noise = Float32Array.from({ length: VARIATIONS * size }, normal);
}

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

function variedCodes() {
  const far = Number(at("spread").value);
  return noise.map((value, i) => code[i % size] + far * about.code.scale[i % size] * value);
}

function makeButtons() {
  at("draw").hidden = !about.draws;
  at("draw").addEventListener("click", () => {
    code = drawn();
    change();
  });
  at("center").addEventListener("click", () => {
    code = Float32Array.from(about.code.start);
    change();
  });
  at("download").addEventListener("click", () => at("picture").toBlob((blob) => {
    const anchor = link("", URL.createObjectURL(blob));
    anchor.download = `${about.name}.png`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
  }));
}

// A code from the prior, of the present class if it has one of its own; or that of an example.
function drawn() {
  const group = about.draws?.by_label ? label - about.label.low : 0;
  const count = about.draws ? about.draws.count : about.examples.labels.length;
  const row = group * count + Math.floor(count * Math.random());
  return (pool || codes).slice(row * size, (row + 1) * size);
}

// Not of bits: between two of them there is nothing to walk through.
function makeDreams() {
  const offered = pool || codes;
  if (!offered || offered.every((value) => value === 0 || value === 1)) return;
  stopDream = makeDream({
    next: drawn,
    code: () => code,
    center: about.code.start,
    frame: async (values) => {
      code = values;
      original = false;
      showState();
      paint(sized(at("picture")), await decode(values, [label]), 0);
    },
    rest: (values) => { code = values; change(); },
  });
}

// The first number of a code goes to the right, the second up.
function makePlane() {
  if (size !== 2) return;
  const canvas = at("plane-picture");
  const move = (event) => {
    const box = canvas.getBoundingClientRect();
    const { low, high } = about.code;
    code[0] = clamp(low[0] + (high[0] - low[0]) * (event.clientX - box.left) / box.width, 0);
    code[1] = clamp(high[1] - (high[1] - low[1]) * (event.clientY - box.top) / box.height, 1);
    change();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) move(event); });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
    if (!steps[event.key]) return;
    event.preventDefault();
    const [i, sign] = steps[event.key];
    const far = (about.code.high[i] - about.code.low[i]) * (event.shiftKey ? 0.1 : 0.01);
    code[i] = clamp(code[i] + sign * far, i);
    change();
  });
  at("plane").hidden = false;
}

// The two columns are of about the same height: a plane is as high as the picture, and an own image
// is not much lower.
function arrange() {
  const plane = !at("plane").hidden, own = !at("own").hidden;
  if (plane && own) at("shown").append(at("own"));
  if (plane === own) at("shown").nextElementSibling.append(at("variations"));
}

async function drawPlane() {
  if (size !== 2) return;
  const { low, high } = about.code;
  const rows = new Float32Array(2 * TILES * TILES);
  for (let i = 0; i < TILES * TILES; i++) {
    rows[2 * i] = low[0] + (high[0] - low[0]) * (i % TILES + 0.5) / TILES;
    rows[2 * i + 1] = high[1] - (high[1] - low[1]) * (Math.floor(i / TILES) + 0.5) / TILES;
  }
  const shown = label;
  const values = await decode(rows, new Array(TILES * TILES).fill(shown));
  if (shown !== label) return; // another class was chosen meanwhile
  const context = sized(at("plane-picture"), TILES);
  for (let i = 0; i < TILES * TILES; i++) {
    paint(context, values, i, width * (i % TILES), height * Math.floor(i / TILES));
  }
}

// `same`: the code is still that of the picture beside.
function change(same = false) {
  stopDream();
  if (!same) original = false;
  writeAddress();
  show();
}

function showState() {
  sliders.forEach(({ slider, value }, i) => {
    slider.min = Math.min(about.code.low[i], code[i]); // an own image's code may lie outside
    slider.max = Math.max(about.code.high[i], code[i]);
    slider.value = code[i];
    value.textContent = code[i].toFixed(2);
  });
  classes.forEach(({ button }, i) =>
    button.setAttribute("aria-pressed", i + about.label.low === label));
  showOwnClass(label);
  at("original").hidden = !original;
  if (size === 2) {
    const share = (i) => 100 * (clamp(code[i], i) - about.code.low[i]) /
      (about.code.high[i] - about.code.low[i]);
    at("plane-mark").style.left = `${share(0)}%`;
    at("plane-mark").style.top = `${100 - share(1)}%`;
  }
}

// Bring all pictures up to date; what changes while they are decoded is shown next.
function show() {
  showState();
  at("picture").setAttribute("aria-busy", "true");
  if (wanted) return;
  wanted = true;
  requestAnimationFrame(() => { wanted = false; update().catch(fail); });
}

async function update() {
  const labels = [label, ...classes.map((_, i) => i + about.label.low),
    ...variations.map(() => label)];
  const alike = labels.length - VARIATIONS;
  const rows = new Float32Array(labels.length * size);
  for (let i = 0; i < alike; i++) rows.set(code, i * size);
  rows.set(variedCodes(), alike * size);
  const values = await decode(rows, labels);
  paint(sized(at("picture")), values, 0);
  classes.forEach(({ context }, i) => paint(context, values, 1 + i));
  variations.forEach(({ context }, i) => paint(context, values, alike + i));
  showNearest(code);
  if (!wanted) at("picture").removeAttribute("aria-busy");
}

function writeAddress() {
  if (size > LONGEST_ADDRESS) return;
  const words = [`z=${Array.from(code, (value) => Number(value.toPrecision(9))).join(",")}`];
  if (about.label) words.push(`label=${label}`);
  history.replaceState(null, "", `#${words.join("&")}`);
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const given = (words.get("z") ?? "").split(",").map(Number);
  if (words.has("z") && given.length === size && given.every(Number.isFinite)) {
    code = Float32Array.from(given);
    original = false;
  }
  const value = Number(words.get("label"));
  if (about.label && words.has("label") && Number.isInteger(value) && value !== label &&
      value >= about.label.low && value <= about.label.high) {
    label = value;
    original = false;
  }
}

start().catch(fail);
