// The page of a SketchRNN: it invents drawings, draws the visitor's anew, and goes on with them.
import { about, continuing, draw, encode, fromPrior, load } from "./sketch.js";
import {
  fitting, longerSide, makePaper, paint, rowsOf, side, simplified, strokesOf,
} from "./paper.js";

const PAUSE = 60; // milliseconds between two lines
const TOLERANCES = [4, 6, 9, 14, 20, 30]; // pixels, until a drawing has few enough points
const PAPER = 1.4; // the side of the paper, divided by that of a typical drawing

const at = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
let own; // the visitor's paper
let shown = []; // strokes of the model's drawing, in pixels
let last = null; // what "Once more" does
let turn = 0; // a later drawing ends an earlier one

async function start() {
  await load();
  document.title = at("title").textContent = about.title;
  at("about").textContent = about.description;
  at("made").append(
    `Licence of the model: ${about.licence}. Made by autoencoder-zoo ${about.version}; runs with `,
    link("onnxruntime-web", "onnxruntime-web/LICENSE"), " (",
    link("third-party notices", "onnxruntime-web/ThirdPartyNotices.txt"), ").",
  );
  [at("drawn").width, at("drawn").height] = [side, side];
  at("main").hidden = false;
  at("status").textContent = "";
  own = makePaper(at("own"), at("own-pen"), enable);
  press("undo", own.undo);
  press("clear", own.clear);
  press("invent", () => show(invent));
  press("mimic", () => show(mimic));
  press("complete", () => show(complete));
  press("again", () => show(last));
  press("download", download);
  at("temperature").addEventListener("input", () => {
    at("degree").textContent = at("temperature").value;
  });
  await show(invent);
}

function press(id, action) {
  at(id).addEventListener("click", action);
}

function link(text, address) {
  const element = document.createElement("a");
  element.href = address;
  element.textContent = text;
  return element;
}

function enable() {
  const empty = own.strokes.length === 0;
  for (const id of ["undo", "clear", "mimic", "complete"]) at(id).disabled = empty;
}

const temperature = () => Number(at("temperature").value);

async function show(action) {
  const mine = ++turn;
  last = action;
  try {
    await action(() => mine === turn);
    if (mine !== turn) return;
    at("again").disabled = false;
    at("download").disabled = !shown.length;
  } catch (error) {
    if (mine !== turn) return;
    say(error.message ?? String(error));
    if (!error.ofVisitor) console.error(error);
  }
}

function say(text) {
  at("said").textContent = text;
}

async function invent(current) {
  say("Invented: a code drawn from the prior.");
  const rows = await collected(draw(fromPrior(), temperature()), current);
  await animate(rows, fitting(rows), 0, current);
}

async function mimic(current) {
  const { rows } = ownRows(own.strokes.length && longerSide(own.strokes) / about.side);
  const z = await encode(rows);
  if (!current()) return;
  document.body.dataset.rows = JSON.stringify(rows);
  document.body.dataset.code = JSON.stringify(z);
  say("Drawn anew from the code of your drawing.");
  const found = await collected(draw(z, temperature()), current);
  await animate(found, fitting(found), 0, current);
}

async function complete(current) {
  const scale = side / (PAPER * about.side);
  const { rows, strokes } = ownRows(scale);
  if (rows.length > about.length - 2) throw ofVisitor("No room is left to go on; undo a stroke.");
  rows.at(-1)[2] = 1; // the pen is still on the paper
  rows.at(-1)[3] = 0;
  const { z, state } = await continuing(rows);
  if (!current()) return;
  say("Your lines first, then the model's.");
  const all = [...rows, ...await collected(draw(z, temperature(), rows, state), current)];
  await animate(all, { start: strokes[0][0], scale }, rows.length, current);
}

// Return the rows that are drawn, unless a later drawing has begun.
async function collected(rows, current) {
  const found = [];
  for await (const row of rows) {
    if (!current()) break;
    found.push(row);
  }
  return found;
}

// Return the visitor's strokes with few enough points, and their rows.
function ownRows(scale) {
  if (!own.strokes.length || !(scale > 0)) throw ofVisitor("Draw a line at least.");
  for (const tolerance of TOLERANCES) {
    const strokes = own.strokes.map((points) => simplified(points, tolerance));
    const rows = rowsOf(strokes, scale);
    if (rows.length < about.length) return { rows, strokes };
  }
  throw ofVisitor(`That is too much: the model draws up to ${about.length - 1} lines.`);
}

function ofVisitor(text) {
  return Object.assign(new Error(text), { ofVisitor: true });
}

// Paint rows line by line, or at once if motion is not wanted; the first `given` are the visitor's.
async function animate(rows, { start, scale }, given, current) {
  if (!current()) return;
  document.body.dataset.drawing = JSON.stringify(rows);
  if (!rows.length) {
    shown = [];
    paint(at("drawn"), shown);
    say("The drawing ended before its first line; press once more.");
    return;
  }
  for (let n = still.matches ? rows.length : Math.max(given, 1); n <= rows.length; n++) {
    if (!current()) return;
    shown = strokesOf(rows.slice(0, n), start, scale);
    const whole = given ? strokesOf(rows.slice(0, given), start, scale) : [];
    paint(at("drawn"), [...shown, ...whole], given ? shown.length : 0);
    if (n < rows.length) await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
  at("drawn").setAttribute("aria-label", `The model's drawing, ${rows.length} lines`);
}

function download() {
  const lines = shown.map((points) => {
    const text = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    return `<polyline points="${text}"/>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}">\n`
    + `<g fill="none" stroke="black" stroke-width="8" stroke-linecap="round">\n${lines.join("\n")}`
    + "\n</g>\n</svg>\n";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  link.download = `${about.name}.svg`;
  link.click();
  URL.revokeObjectURL(link.href);
}

start().catch((error) => {
  at("status").textContent = `This model cannot be shown: ${error.message ?? error}`;
  at("status").className = "failed";
  console.error(error);
});
