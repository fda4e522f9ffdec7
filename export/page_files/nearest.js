// The images whose codes are nearest to the page's code; codes are compared in this browser.
import { about, bytes, numbers, paint, sized } from "./model.js";

const SHOWN = 12;

const at = (id) => document.getElementById(id);
const buttons = [];
let codes, levels, lengths;

// `take` gets the code of a chosen image, its values in the encoder's range, and a name.
export async function makeNearest(take) {
  if (!about.searched) return;
  [codes, levels] = await Promise.all([numbers("searched_codes.bin"), bytes("searched.bin")]);
  const { count } = about.searched;
  const size = codes.length / count;
  lengths = Float32Array.from({ length: count }, (_, row) =>
    Math.hypot(...codes.subarray(row * size, (row + 1) * size)));
  const strip = at("nearest").querySelector(".strip");
  for (let i = 0; i < Math.min(SHOWN, count); i++) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const text = document.createElement("span");
    button.type = "button";
    button.append(canvas, text);
    const entry = { button, text, context: sized(canvas), row: 0 };
    button.addEventListener("click", () => take(
      codes.slice(entry.row * size, (entry.row + 1) * size), values(entry.row),
      `image ${entry.row + 1}`));
    strip.append(button);
    buttons.push(entry);
  }
  at("nearest-hint").textContent = `Of ${count} images, searched in this browser. ` +
    (about.searched.metric === "hamming" ? "Below each: in how many bits its code differs."
      : "Below each: one minus the cosine between the codes.");
  at("shown").append(at("nearest")); // below the picture, where there is room
  at("nearest").hidden = false;
}

// Show the images that are nearest to a code.
export function showNearest(code) {
  if (!buttons.length) return;
  const far = distances(code);
  const order = Uint32Array.from(far, (_, row) => row).sort((a, b) => far[a] - far[b] || a - b);
  buttons.forEach((entry, i) => {
    entry.row = order[i];
    paint(entry.context, values(entry.row));
    const shown = about.searched.metric === "hamming" ? far[entry.row] : far[entry.row].toFixed(2);
    entry.text.textContent = shown;
    entry.button.setAttribute("aria-label", `Image ${entry.row + 1}, distance ${shown}`);
  });
}

function distances(code) {
  const size = code.length;
  const hamming = about.searched.metric === "hamming";
  const ends = hamming ? code.map((value) => value > 0.5 ? 1 : 0) : code;
  const length = Math.hypot(...ends);
  return Float32Array.from({ length: about.searched.count }, (_, row) => {
    let [sum, different] = [0, 0];
    for (let i = 0; i < size; i++) {
      const value = codes[row * size + i];
      sum += value * ends[i];
      different += value === ends[i] ? 0 : 1;
    }
    if (hamming) return different;
    return 1 - sum / Math.max(length * lengths[row], 1e-30);
  });
}

// The pixels of an image, from bytes to the encoder's range.
function values(row) {
  const { low, high } = about.encoder;
  const pixels = levels.length / about.searched.count;
  return Float32Array.from(levels.subarray(row * pixels, (row + 1) * pixels),
    (level) => low + (high - low) * level / 255);
}
