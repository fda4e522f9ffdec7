// Strokes: from a pointer or the keyboard, simplified, as rows of offsets, and painted.
const SIDE = 560; // pixels of a paper's canvas
const KEY = SIDE / 56; // pixels that a key moves the pen

// Make a canvas to draw on; `changed` is called after every change. Return its strokes.
export function makePaper(canvas, mark, changed) {
  const strokes = []; // each a list of points, in pixels of the canvas
  let pen = [SIDE / 2, SIDE / 2]; // of the keyboard
  let down = false;
  let drawing = null; // the pointer that draws

  const update = () => { paint(canvas, strokes); changed(); };
  const lift = () => { down = false; showPen(); };
  const undo = () => { drawing = null; lift(); strokes.pop(); update(); };
  const clear = () => { drawing = null; lift(); strokes.length = 0; update(); };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * SIDE / box.width,
      (event.clientY - box.top) * SIDE / box.height];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button > 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(drawing);
    lift();
    strokes.push([place(event)]);
    update();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const between = event.getCoalescedEvents?.() ?? []; // not in every browser
    strokes.at(-1).push(...between.map(place), place(event));
    update();
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => { if (event.pointerId === drawing) drawing = null; });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || drawing !== null) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === " " && event.repeat) event.preventDefault();
    else if (event.key === " " && down) lift();
    else if (event.key === " ") {
      down = true;
      strokes.push([[...pen]]);
      update();
    } else if (event.key === "Backspace") undo();
    else if (moves[event.key]) {
      const far = KEY * (event.shiftKey ? 5 : 1);
      pen = pen.map((value, i) => Math.min(Math.max(value + far * moves[event.key][i], 0), SIDE));
      if (down) {
        strokes.at(-1).push([...pen]);
        update();
      }
    } else return;
    event.preventDefault();
    showPen();
  });
  canvas.addEventListener("focus", showPen);
  canvas.addEventListener("blur", () => { lift(); mark.hidden = true; });

  function showPen() {
    mark.hidden = !canvas.matches(":focus-visible");
    mark.classList.toggle("down", down);
    mark.style.left = `${100 * pen[0] / SIDE}%`;
    mark.style.top = `${100 * pen[1] / SIDE}%`;
  }

  [canvas.width, canvas.height] = [SIDE, SIDE];
  paint(canvas, strokes);
  return { strokes, undo, clear };
}

// Paint strokes of points in pixels of a canvas, the first `marked` ones in the color of the mark.
export function paint(canvas, strokes, marked = 0) {
  const context = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = canvas.width / 70;
  strokes.forEach((points, i) => {
    context.strokeStyle = i < marked ? style.getPropertyValue("--mark") : style.color;
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points) context.lineTo(...point);
    if (points.length === 1) context.lineTo(...points[0]);
    context.stroke();
  });
}

// Ramer, Douglas and Peucker: leave out points nearer than `tolerance` to the line.
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const [[ax, ay], [bx, by]] = [points[0], points.at(-1)];
  const length = Math.hypot(bx - ax, by - ay);
  let [farthest, at] = [0, 0];
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    const distance = length > 0
      ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length
      : Math.hypot(x - ax, y - ay);
    if (distance > farthest) [farthest, at] = [distance, i];
  }
  if (farthest <= tolerance) return [points[0], points.at(-1)];
  const before = simplified(points.slice(0, at + 1), tolerance);
  return [...before.slice(0, -1), ...simplified(points.slice(at), tolerance)];
}

// Return rows (dx, dy, p1, p2, p3) of strokes, in units of `scale` pixels.
export function rowsOf(strokes, scale) {
  const all = strokes.map((points) => (points.length > 1 ? points : [points[0], points[0]]));
  const rows = [];
  let before = all[0][0];
  all.forEach((points, i) => {
    (i ? points : points.slice(1)).forEach((point, j, some) => {
      const last = j === some.length - 1;
      rows.push([(point[0] - before[0]) / scale, (point[1] - before[1]) / scale,
        last ? 0 : 1, last ? 1 : 0, 0]);
      before = point;
    });
  });
  return rows;
}

// Return the strokes of rows, whose first point is at `start`, in pixels.
export function strokesOf(rows, start, scale) {
  const strokes = [[start]];
  let [x, y] = start;
  let lifted = false;
  for (const [dx, dy, , p2] of rows) {
    [x, y] = [x + dx * scale, y + dy * scale];
    if (lifted) strokes.push([]);
    strokes.at(-1).push([x, y]);
    lifted = p2 > 0;
  }
  return strokes;
}

// Return the first point and the scale with which rows are in the middle of a canvas.
export function fitting(rows) {
  const points = strokesOf(rows, [0, 0], 1).flat();
  const sides = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [low, high] = [Math.min, Math.max].map((end) => sides.map((values) => end(...values)));
  const longest = Math.max(high[0] - low[0], high[1] - low[1], 1e-6);
  const scale = 0.7 * SIDE / longest;
  return { scale, start: low.map((value, i) => SIDE / 2 - scale * (value + high[i]) / 2) };
}

export function longerSide(strokes) {
  const sides = [0, 1].map((axis) => strokes.flat().map((point) => point[axis]));
  return Math.max(...sides.map((values) => Math.max(...values) - Math.min(...values)));
}

export const side = SIDE;
