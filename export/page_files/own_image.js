// Images of the visitor's own: chosen, dropped or drawn, encoded here, and sent nowhere.
import { about, arranged, encode, loadEncoder } from "./model.js";
import { centered, inverted, isOpposite } from "./adjust.js";
import { makeDrawing } from "./drawing.js";
import { resized } from "./resize.js";

const LARGEST_FILE = 50e6; // bytes
const MOST_PIXELS = 50e6;
const LONGEST_SIDE = 16000; // pixels: browsers have no wider canvas
const LONGEST_DRAWING = 64; // pixels a side

const at = (id) => document.getElementById(id);
let page; // what the page lets an image do: see makeOwnImage
let own = null; // the last one: { shares, name, drawn, done }, `done` in words
let taken = 0; // files and drawings so far: a slow file does not replace what came later
let again = false;
let encoding = false;
let tasks = 0;

// `of`: label() is the page's class, choose(value) changes it, and takeCode(code, picture, name)
// shows a code with the picture that it is of.
export function makeOwnImage(of) {
  if (!about.encoder) return;
  page = of;
  at("own-choose").addEventListener("click", () => at("own-file").click());
  at("own-file").addEventListener("change", () => {
    takeFiles(at("own-file").files);
    at("own-file").value = ""; // so that the same file can be chosen again
  });
  for (const id of ["own-invert", "own-center"]) {
    at(id).addEventListener("change", () => { if (own) update(); });
  }
  makeDropping();
  makeOwnClass();
  const [channels, height, width] = about.picture.shape;
  if (channels === 1 && Math.max(height, width) <= LONGEST_DRAWING) {
    makeDrawing((canvas) => take(canvas, [canvas.width, canvas.height], "your drawing", true));
    at("own-drawing").hidden = at("drawing-hint").hidden = false;
  }
  at("own").hidden = false;
}

function makeDropping() {
  const zone = at("own-drop");
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  // Without this a file that misses the zone replaces the page.
  for (const kind of ["dragover", "drop"]) {
    window.addEventListener(kind, (event) => { if (holdsFiles(event)) event.preventDefault(); });
  }
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    takeFiles(event.dataTransfer.files);
  });
}

function makeOwnClass() {
  if (!about.label) return;
  const { low, high, names } = about.label;
  for (let value = low; value <= high; value++) {
    at("own-class").append(new Option(names?.[value - low] ?? value, value));
  }
  at("own-class").addEventListener("change", () => {
    page.choose(Number(at("own-class").value));
    if (own) update();
  });
  at("own-classes").hidden = false;
}

export function showOwnClass(label) {
  at("own-class").value = label;
}

function takeFiles(files) {
  return during(() => readFile(files[0]));
}

async function during(task) {
  tasks += 1;
  at("own").setAttribute("aria-busy", "true");
  try {
    await task();
  } finally {
    tasks -= 1;
    if (!tasks) at("own").removeAttribute("aria-busy");
  }
}

async function readFile(file) {
  if (!file) return tell("No image file came. Choose a PNG, JPEG or WebP file.", true);
  if (file.size > LARGEST_FILE) {
    return tell(`${file.name} is too large: it has ${Math.ceil(file.size / 1e6)} MB, and at most ` +
      `${LARGEST_FILE / 1e6} MB are read. Choose a smaller image.`, true);
  }
  tell("Reading the image.");
  const mine = ++taken;
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    image.src = address;
    await new Promise((done, failed) => { image.onload = done; image.onerror = failed; });
    if (mine !== taken) return null;
    const size = [image.naturalWidth, image.naturalHeight];
    if (!size[0] || !size[1]) throw new Error("an image without a size");
    if (size[0] * size[1] > MOST_PIXELS || Math.max(...size) > LONGEST_SIDE) {
      return tell(`${file.name} is too large: it has ${size.join(" x ")} pixels, and at most ` +
        `${MOST_PIXELS / 1e6} million are read, ${LONGEST_SIDE} a side. Make it smaller, and ` +
        "choose it again.", true);
    }
    return await take(image, size, "your image", false);
  } catch {
    return tell(`${file.name} is not an image that this browser can read. Choose a PNG, JPEG or ` +
      "WebP file.", true);
  } finally {
    URL.revokeObjectURL(address);
  }
}

// Encode an image or a canvas, resized, with the page's class.
function take(image, size, name, drawn) {
  taken += 1;
  const shares = resized(image, size, about.picture.shape);
  const [channels, height, width] = about.picture.shape;
  const cropped = Math.abs(size[0] * height - size[1] * width) > Math.max(...size);
  const done = drawn ? [] : [`${size.join(" x ")} pixels became ${width} x ${height}` +
    `${channels === 1 ? ", gray" : ""}${cropped ? ", cropped at the center" : ""}.`];
  own = { shares, name, drawn, done };
  at("own-inverting").hidden = drawn;
  at("own-invert").checked = !drawn && isOpposite(shares);
  at("own-centering").hidden = !about.encoder.centered;
  return update();
}

// Encode the last image; while one is encoded, others wait, and only the last of them is next.
async function update() {
  again = true;
  if (encoding) return;
  encoding = true;
  try {
    while (again) {
      again = false;
      await during(encodeOwn);
    }
  } finally {
    encoding = false;
  }
}

async function encodeOwn() {
  const { name } = own;
  const [shares, done] = adjusted(own);
  const values = arranged(shares);
  let inside;
  try {
    const waiting = setTimeout(() => tell("Loading the encoder."), 300);
    await loadEncoder().finally(() => clearTimeout(waiting));
    inside = page.takeCode(await encode(values, page.label()), values, name);
  } catch (error) {
    console.error(error);
    return tell(`The encoder failed: ${error.message ?? error}. The rest of the page works ` +
      "without it; reload the page to try again.", true);
  }
  if (!inside) done.push("Its code lies outside of the plane: the ring is at the nearest edge.");
  tell(done.join(" "));
}

// Return the picture to encode, and what was done to it in words.
function adjusted({ shares, done }) {
  const { background } = about.encoder;
  const said = [...done];
  const opposite = isOpposite(shares);
  if (at("own-invert").checked) {
    shares = inverted(shares);
    const why = opposite ? `, as the examples have a ${background} background` : "";
    said.push(`Inverted${why}.`);
  }
  if (about.encoder.centered && at("own-center").checked) {
    shares = centered(shares);
    said.push("Moved to the middle, where the examples are.");
  }
  return [shares, said];
}

function tell(text, failed = false) {
  at("own-status").textContent = text;
  at("own-status").className = failed ? "failed" : "hint";
}
