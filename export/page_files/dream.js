// A walk from code to code that goes on until it is paused, at the reader's own pace.
const at = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");

// Show the dream's buttons, and return a function that stops it. `next`: returns the code to walk
// to. `code`: returns the present one. `center`: the code around which the walk turns. `frame`:
// shows a code, and resolves when it is painted. `rest`: shows a code and all that belongs to it.
export function makeDream({ next, code, center, frame, rest }) {
  let walking = false;
  let turn = 0; // a later walk ends an earlier one

  async function walk(mine) {
    const on = () => walking && mine === turn;
    while (on()) {
      const [from, to] = [Float32Array.from(code()), next()];
      let [share, before] = [0, await painted()];
      while (on() && share < 1) {
        const now = await painted();
        // Time in which the page was hidden is no part of the walk.
        share = Math.min(1, share + Math.min(now - before, 250) / (1000 * at("pace").value));
        before = now;
        if (on()) await frame(between(from, to, center, share));
      }
    }
  }

  function start() {
    if (still.matches) { // a press is one step, and nothing moves
      rest(next());
      return;
    }
    walking = true;
    name();
    walk(++turn).catch((error) => { pause(); at("status").textContent = error.message; });
  }

  function stop() {
    walking = false;
    name();
  }

  function pause() {
    if (!walking) return;
    stop();
    rest(code());
  }

  function name() {
    at("dream").textContent = walking ? "Pause" : still.matches ? "Next" : "Dream";
    at("dream-pace").hidden = still.matches;
  }

  at("dream").addEventListener("click", () => (walking ? pause() : start()));
  still.addEventListener("change", () => { pause(); name(); });
  name();
  at("dream").hidden = false;
  return stop;
}

function painted() {
  return new Promise(requestAnimationFrame);
}

// Return the code at a share of the way from one to the other, along an arc around the center: the
// middle of a straight way between two draws is nearer to the center than draws are.
export function between(from, to, center, share) {
  const [a, b] = [from, to].map((end) => end.map((value, i) => value - center[i]));
  const [long, longer] = [a, b].map((v) => Math.hypot(...v));
  const cosine = a.reduce((sum, value, i) => sum + value * b[i], 0) / (long * longer);
  const angle = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const length = long + (longer - long) * share;
  let weights = [1 - share, share];
  if (angle > 1e-3 && angle < 3.1) { // else: both in one line with the center, or one in it
    weights = [(1 - share) * angle, share * angle].map((part) => Math.sin(part) / Math.sin(angle));
    weights = [weights[0] * length / long, weights[1] * length / longer];
  }
  return from.map((_, i) => center[i] + weights[0] * a[i] + weights[1] * b[i]);
}
