// What is done to a picture so that it looks as the model's own: inverted, and moved to the middle.
// Pictures are shares of 0 to 1 by row, column and channel.
import { about } from "./model.js";

// Is its background light where that of the examples is dark, or the other way round?
export function isOpposite(shares) {
  const level = rim(shares);
  return about.encoder.background === "dark" ? level > 0.5
    : about.encoder.background === "light" && level < 0.5;
}

export function inverted(shares) {
  return shares.map((share) => 1 - share);
}

// Move a gray picture by whole pixels, until the center of mass of its ink is in the middle.
export function centered(shares) {
  const [, height, width] = about.picture.shape;
  const paper = rim(shares);
  let [mass, right, down] = [0, 0, 0];
  shares.forEach((share, place) => {
    const ink = Math.abs(share - paper);
    if (ink < 0.1) return; // paper is not even in photographs
    mass += ink;
    right += ink * (place % width - (width - 1) / 2);
    down += ink * (Math.floor(place / width) - (height - 1) / 2);
  });
  if (!mass) return shares;
  const [x, y] = [Math.round(right / mass), Math.round(down / mass)];
  const inside = (place, side) => Math.min(Math.max(place, 0), side - 1);
  return shares.map((_, place) => shares[
    inside(Math.floor(place / width) + y, height) * width + inside(place % width + x, width)]);
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
