// A canvas to draw on, with a mouse, a finger, a pen or the keyboard.
import { about } from "./model.js";

const ENLARGED = 12; // canvas pixels for one of the model's

const at = (id) => document.getElementById(id);
const canvas = at("own-canvas");
const strokes = []; // each a list of points, in pixels of the canvas
let pen; // where the keyboard's pen is, [x, y]
let down = false; // does the keyboard's pen draw?
let drawing = null; // the pointer that draws
let drawn; // called with the canvas after every change
let frame = 0;

export function makeDrawing(changed) {
  const [, height, width] = about.picture.shape;
  drawn = changed;
  [canvas.width, canvas.height] = [width * ENLARGED, height * ENLARGED];
  pen = [width, height].map((side) => (Math.floor(side / 2) + 0.5) * ENLARGED);
  makePointer();
  canvas.addEventListener("keydown", moveByKey);
  canvas.addEventListener("focus", showPen);
  canvas.addEventListener("blur", () => { lift(); at("own-pen").hidden = true; });
  at("own-undo").addEventListener("click", undo);
  at("own-clear").addEventListener("click", () => { drop(); strokes.length = 0; redraw(); });
  redraw();
}

// Let no pointer go on with a stroke that is taken away.
function drop() {
  drawing = null;
  lift();
}

function undo() {
  drop();
  strokes.pop();
  redraw();
}

function makePointer() {
  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button > 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    lift();
    strokes.push([place(event)]);
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const between = event.getCoalescedEvents?.() ?? []; // not in every browser, nor without HTTPS
    strokes.at(-1).push(...between.map(place), place(event));
    redraw();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => { if (event.pointerId === drawing) drawing = null; });
  }
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width,
    (event.clientY - box.top) * canvas.height / box.height];
}

function moveByKey(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.altKey || event.ctrlKey || event.metaKey || drawing !== null) return;
  if (event.key === " " && event.repeat) { // a key that is held sets the pen down once
    event.preventDefault();
    return;
  }
  if (event.key === " ") {
    if (down) lift();
    else {
      down = true;
      strokes.push([[...pen]]);
      redraw();
    }
  } else if (event.key === "Backspace") {
    undo();
  } else if (step[event.key]) {
    const [x, y] = step[event.key];
    pen = [inside(pen[0] + x * ENLARGED, canvas.width),
      inside(pen[1] + y * ENLARGED, canvas.height)];
    if (down) {
      strokes.at(-1).push(pen);
      redraw();
    }
  } else return;
  event.preventDefault();
  showPen();
}

// The pen goes from the middle of one of the model's pixels to that of the next.
function inside(value, side) {
  return Math.min(Math.max(value, ENLARGED / 2), side - ENLARGED / 2);
}

function lift() {
  down = false;
  showPen();
}

function showPen() {
  const mark = at("own-pen");
  mark.hidden = !canvas.matches(":focus-visible");
  mark.classList.toggle("down", down);
  mark.style.left = `${100 * pen[0] / canvas.width}%`;
  mark.style.top = `${100 * pen[1] / canvas.height}%`;
}

// At most once a frame, as pointers move more often.
function redraw() {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    paintStrokes();
    at("own-prompt").hidden = strokes.length > 0;
    for (const name of ["own-undo", "own-clear"]) at(name).disabled = !strokes.length;
    if (strokes.length) drawn(canvas);
  });
}

function paintStrokes() {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const light = about.encoder.background === "light";
  context.fillStyle = light ? "white" : "black";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = light ? "black" : "white";
  at("own-prompt").style.color = context.strokeStyle;
  context.lineCap = context.lineJoin = "round";
  // As thick as the strokes of 28 x 28 digits, and never thinner than a pixel of the model.
  context.lineWidth = Math.max(Math.min(canvas.width, canvas.height) / 12, 1.2 * ENLARGED);
  for (const points of strokes) {
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    context.stroke();
  }
}
