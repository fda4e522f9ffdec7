// Images of the visitor's own: chosen, dropped or drawn, encoded here, and sent nowhere.
import { about, arranged, encode, loadEncoder } from "./model.js";
import { makeDrawing } from "./drawing.js";
import { resized } from "./resize.js";

const LARGEST_FILE = 50e6; // bytes
const MOST_PIXELS = 50e6;
const LONGEST_DRAWING = 64; // pixels a side

const at = (id) => document.getElementById(id);
let page; // what the page lets an image do: see makeOwnImage
let own = null; // { image, size, name, drawn } of the last one
let again = false;
let busy = false;

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
  at("own-invert").addEventListener("change", () => { if (own && !own.drawn) update(); });
  makeDropping();
  makeOwnClass();
  const [channels, height, width] = about.picture.shape;
  if (channels === 1 && Math.max(height, width) <= LONGEST_DRAWING) {
    makeDrawing((canvas) => take(canvas, [canvas.width, canvas.height], "your drawing", true));
    at("own-drawing").hidden = false;
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
  at("own-class").parentElement.hidden = false;
}

export function showOwnClass(label) {
  at("own-class").value = label;
}

async function takeFiles(files) {
  const [file] = files;
  if (!file) return tell("No image file came. Choose a PNG, JPEG or WebP file.", true);
  if (file.size > LARGEST_FILE) {
    return tell(`${file.name} is too large: it has ${Math.ceil(file.size / 1e6)} MB, and at most ` +
      `${LARGEST_FILE / 1e6} MB are read. Choose a smaller image.`, true);
  }
  const image = new Image();
  const address = URL.createObjectURL(file);
  try {
    image.src = address;
    await new Promise((done, failed) => { image.onload = done; image.onerror = failed; });
    const size = [image.naturalWidth, image.naturalHeight];
    if (!size[0] || !size[1]) throw new Error("an image without a size");
    if (size[0] * size[1] > MOST_PIXELS) {
      return tell(`${file.name} is too large: it has ${size.join(" × ")} pixels, and at most ` +
        `${MOST_PIXELS / 1e6} million are read. Make it smaller, and choose it again.`, true);
    }
    await take(image, size, "your image", false);
  } catch {
    tell(`${file.name} is not an image that this browser can read. Choose a PNG, JPEG or WebP ` +
      "file.", true);
  } finally {
    URL.revokeObjectURL(address);
  }
}

// Encode an image or a canvas, resized, with the page's class.
function take(image, size, name, drawn) {
  const shares = resized(image, size, about.picture.shape);
  own = { shares, name, drawn };
  const [channels, height, width] = about.picture.shape;
  const cropped = Math.abs(size[0] * height - size[1] * width) > Math.max(...size);
  own.done = drawn ? [] : [`${size.join(" × ")} pixels became ${width} × ${height}` +
    `${channels === 1 ? ", gray" : ""}${cropped ? ", cropped at the center" : ""}.`];
  at("own-invert").parentElement.hidden = drawn;
  if (!drawn) {
    const opposite = { dark: rim(shares) > 0.5, light: rim(shares) < 0.5 };
    at("own-invert").checked = opposite[about.encoder.background] ?? false;
  }
  return update();
}

// The mean of the pixels at the border.
function rim(shares) {
  const [channels, height, width] = about.picture.shape;
  const edge = shares.filter((_, place) => {
    const pixel = Math.floor(place / channels);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return x === 0 || y === 0 || x === width - 1 || y === height - 1;
  });
  return edge.reduce((sum, share) => sum + share, 0) / edge.length;
}

// Encode the last image; while one is encoded, others wait, and only the last of them is next.
async function update() {
  again = true;
  if (busy) return;
  busy = true;
  try {
    while (again) {
      again = false;
      await encodeOwn();
    }
  } finally {
    busy = false;
  }
}

async function encodeOwn() {
  const { shares, name, drawn, done } = own;
  const inverted = !drawn && at("own-invert").checked;
  const values = arranged(inverted ? shares.map((share) => 1 - share) : shares);
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
  const why = { dark: "light", light: "dark" }[about.encoder.background];
  const said = inverted && why ? [`Inverted, as its background is ${why} and that of the ` +
    `examples ${about.encoder.background}.`] : [];
  if (!inside) said.push("Its code lies outside of the plane: the ring is at the nearest edge.");
  tell([...done, ...said].join(" "));
}

function tell(text, failed = false) {
  at("own-status").textContent = text;
  at("own-status").className = failed ? "failed" : "hint";
}
