// Images of any size become pictures of the model's size, with antialiasing, as those of
// zoo.data.from_folder: gray before resizing, transparent parts on white, Lanczos, cropped at the
// center.

const LOBES = 3;
const BAND = 256; // rows of the source that are read at a time, so that a large one needs no copy

// Return shares of 0 to 1 by row, column and channel, in 256 levels.
export function resized(image, [fromWidth, fromHeight], [channels, height, width]) {
  const scale = Math.min(fromWidth / width, fromHeight / height);
  const columns = weights(fromWidth, width, scale);
  const rows = weights(fromHeight, height, scale);
  const sums = new Float32Array(height * width * channels);
  for (let top = 0; top < fromHeight; top += BAND) {
    const count = Math.min(BAND, fromHeight - top);
    const pixels = band(image, fromWidth, top, count);
    for (let y = 0; y < count; y++) {
      const takers = rows.flatMap(({ first, shares }, row) => {
        const share = shares[top + y - first];
        return share === undefined ? [] : [[row, share]];
      });
      if (!takers.length) continue;
      const line = narrowed(pixels.subarray(4 * y * fromWidth), columns, channels);
      for (const [row, share] of takers) {
        for (let i = 0; i < line.length; i++) sums[row * line.length + i] += share * line[i];
      }
    }
  }
  return sums.map((sum) => level(sum) / 255);
}

function level(value) {
  return Math.min(Math.max(Math.round(value), 0), 255);
}

function band(image, width, top, count) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = count;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, count);
  context.drawImage(image, 0, -top, width, image.naturalHeight || image.height);
  return context.getImageData(0, 0, width, count).data;
}

// Of every place of the target: which pixels of the source it takes, and the share of each.
function weights(from, to, scale) {
  const left = (from - to * scale) / 2;
  const stretch = Math.max(scale, 1); // to enlarge, the kernel keeps its width
  return Array.from({ length: to }, (_, place) => {
    const center = left + (place + 0.5) * scale;
    const first = Math.max(Math.trunc(center - LOBES * stretch + 0.5), 0);
    const last = Math.min(Math.trunc(center + LOBES * stretch + 0.5), from);
    const shares = Array.from({ length: last - first }, (_, i) =>
      lanczos((first + i + 0.5 - center) / stretch));
    const total = shares.reduce((sum, share) => sum + share, 0);
    return { first, shares: shares.map((share) => share / total) };
  });
}

function lanczos(x) {
  if (Math.abs(x) >= LOBES) return 0;
  return sinc(x) * sinc(x / LOBES);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

// One line of RGBA pixels, at the width of the target, gray or in color. Plain loops: a photograph
// has millions of pixels.
function narrowed(pixels, columns, channels) {
  const line = new Float32Array(columns.length * channels);
  for (let column = 0; column < columns.length; column++) {
    const { first, shares } = columns[column];
    for (let i = 0; i < shares.length; i++) {
      const place = 4 * (first + i);
      if (channels === 1) {
        line[column] += shares[i] * Math.round(
          0.299 * pixels[place] + 0.587 * pixels[place + 1] + 0.114 * pixels[place + 2]);
        continue;
      }
      for (let c = 0; c < 3; c++) line[3 * column + c] += shares[i] * pixels[place + c];
    }
  }
  return line.map(level);
}
