// Point and attend: chapter 1's formula in the plane.

import { slider } from "../frame/controls.js";
import { drag, html, line, picture, put, svg, text, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, dot, entropy, fixed, listed, percent, scale, softmax } from "../frame/math.js";

const SIZE = 380; // the picture is a square of this many units
const LIMIT = 3; // the plane reaches from −LIMIT to LIMIT
const FIELD = 120; // the background is computed on FIELD × FIELD points, the browser smooths it
const STEP = 0.1; // an arrow key moves the query by this much, with Shift by five times as much
const COLDEST = 0.02;
const HOTTEST = 50;
const SHOWN = 0.045; // a smaller weight is not written beside its key: seven would hide the picture

/** @typedef {{ keys: number[][], values: number[][], temperature: number }} State */

const across = scale([-LIMIT, LIMIT], [0, SIZE]);
const upward = scale([-LIMIT, LIMIT], [SIZE, 0]);
/** @param {number[]} color */
const rgb = (color) => `rgb(${color.map((part) => Math.round(255 * clamp(part, 0, 1))).join(" ")})`;
/** The share of light that a channel stands for (IEC 61966-2-1). @param {number} part */
const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
/**
 * White or black, whichever stands out more from a color: by 4.58 to 1 at least.
 * @param {number[]} color
 */
const readable = (color) =>
  dot([0.2126, 0.7152, 0.0722], color.map(linear)) < 0.179 ? "#fff" : "#000";

/**
 * The formula of the demo.
 * @param {number[]} query
 * @param {State} state
 */
function attendTo(query, { keys, values, temperature }) {
  const scores = keys.map((key) => -0.5 * ((query[0] - key[0]) ** 2 + (query[1] - key[1]) ** 2));
  const weights = softmax(scores.map((score) => score / temperature));
  const channels = [0, 1, 2].map((part) => values.map((value) => value[part]));
  const output = channels.map((channel) => dot(weights, channel));
  return { scores, weights, output };
}

/**
 * What the output would be with the query anywhere: at low temperature a map of nearest keys, at
 * high one grey.
 * @param {HTMLCanvasElement} canvas
 * @param {State} state
 */
function paintField(canvas, state) {
  const context = canvas.getContext("2d");
  if (!context) return "";
  const image = context.createImageData(FIELD, FIELD);
  /** @param {number} i */
  const at = (i) => -LIMIT + ((i + 0.5) / FIELD) * 2 * LIMIT;
  for (let row = 0; row < FIELD; row++) {
    for (let column = 0; column < FIELD; column++) {
      const { output } = attendTo([at(column), -at(row)], state);
      image.data.set([...output.map((part) => 255 * part), 255], 4 * (row * FIELD + column));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/**
 * @param {number[]} weights
 */
function describe(weights) {
  const order = weights.map((_, i) => i).sort((a, b) => weights[b] - weights[a]);
  const [first, last] = [order[0], order[order.length - 1]];
  /** @param {number} i */
  const share = (i) => `key ${i + 1} with ${percent(weights[i])}`;
  const spread = Math.exp(entropy(weights)) / weights.length;
  if (weights[first] > 0.985) {
    const found = `A look-up: key ${first + 1} is nearest and gets all the weight.`;
    return `${found} The output is its value.`;
  }
  if (spread > 0.97) {
    return (
      `Nearly an average: each key gets between ${percent(weights[last])} and ` +
      `${percent(weights[first])}. The output hardly depends on where the query is.`
    );
  }
  const leading = order.filter((i) => weights[i] >= 0.1).slice(0, 3);
  const colors = leading.length > 1 ? "their colors" : "its color and a little of the others";
  return (
    `Most of the weight goes to ${listed(leading.map(share))}. ` +
    `The output is a mixture of ${colors}, in these proportions.`
  );
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Point and attend",
    formula: [
      ["score = −½‖", word("query", "query"), " − ", word("key", "key"), "‖²"],
      [word("weights", "weight"), " = softmax(scores / T)"],
      [word("output", "output"), " = Σ ", word("weight", "weight"), " · ", word("value", "value")],
    ],
  });
  /** @returns {State} */
  const state = () => ({
    keys: demo.get("key_points"),
    values: demo.get("value_colors"),
    temperature: demo.get("temperature"),
  });
  /** @type {(x: number, y: number) => void} */
  const moveTo = (x, y) => {
    /** @param {number} number */
    const tidy = (number) => Math.round(1000 * clamp(number, -LIMIT, LIMIT)) / 1000;
    demo.set({ query: [tidy(x), tidy(y)] });
  };

  slider(demo, {
    label: "temperature",
    min: Math.log10(COLDEST),
    max: Math.log10(HOTTEST),
    step: 0.01,
    position: () => Math.log10(demo.get("temperature")),
    move: (exponent) => demo.set({ temperature: clamp(10 ** exponent, COLDEST, HOTTEST) }),
    show: () => `T = ${Number(demo.get("temperature").toPrecision(2))}`,
    ends: ["look-up", "average"],
  });
  const steering = html("div", { class: "controls" });
  ["x", "y"].forEach((name, axis) => {
    slider(demo, {
      into: steering,
      label: `query ${name}`,
      role: "query",
      min: -LIMIT,
      max: LIMIT,
      step: STEP,
      position: () => demo.get("query")[axis],
      move: (place) => {
        const [x, y] = demo.get("query");
        if (axis) moveTo(x, place);
        else moveTo(place, y);
      },
      show: () => fixed(demo.get("query")[axis], 2),
      ends: axis ? ["down", "up"] : ["left", "right"],
    });
  });

  // The plane. Only the query can be focused; everything else is one picture with one description.
  const plane = picture(SIZE, SIZE, demo.get("description"), { role: "group", class: "plane" });
  const field = svg("image", {
    width: SIZE,
    height: SIZE,
    preserveAspectRatio: "none",
    opacity: 0.3,
  });
  const links = svg("g");
  const dots = svg("g", { "aria-hidden": "true" });
  const inside = svg("circle", { r: 12.5, class: "sample" });
  const query = svg(
    "g",
    {
      class: "handle",
      tabindex: 0,
      role: "slider",
      "aria-label": "query",
      "aria-valuemin": -LIMIT,
      "aria-valuemax": LIMIT,
    },
    svg("circle", { r: 30, fill: "transparent" }), // what a finger has to hit
    svg("circle", { r: 20, class: "ring" }),
    svg("circle", { r: 18.5, fill: "var(--surface)", class: "backing" }),
    inside,
    svg("circle", { r: 14.5, fill: "none", stroke: "var(--d-query)", "stroke-width": 4 }),
    text("query", { y: -24, class: "middle halo name", "aria-hidden": "true" }),
  );
  plane.append(
    svg("g", { class: "ground", "aria-hidden": "true" }, field, links),
    svg("rect", { width: SIZE, height: SIZE, rx: 10, class: "edge" }),
    dots,
    query,
  );
  panel(
    demo,
    ["Drag the ", word("query", "query"), ". The background is the output it would get there."],
    plane,
    html(
      "p",
      { class: "hint" },
      "Keyboard: focus the query, then use the arrow keys (Shift: larger steps), ",
      `1–${demo.get("key_points").length} for a key, Home for the center.`,
    ),
  );
  drag(plane, query, (x, y) => moveTo(across.inverse(x), upward.inverse(y)));
  query.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [x, y] = demo.get("query");
    const far = event.shiftKey ? 5 * STEP : STEP;
    /** @type {Record<string, number[]>} */
    const targets = {
      ArrowLeft: [x - far, y],
      ArrowRight: [x + far, y],
      ArrowUp: [x, y + far],
      ArrowDown: [x, y - far],
      Home: [0, 0],
    };
    const target = targets[event.key] ?? demo.get("key_points")[Number(event.key) - 1];
    if (!target) return;
    moveTo(target[0], target[1]);
    event.preventDefault(); // or the page would scroll
  });

  // The numbers: one row a key, and the output below.
  const rows = html("tbody");
  const swatch = html("div", { class: "swatch" });
  const heads = ["key", "score", word("weight", "weight")].map((name) =>
    html("th", { scope: "col" }, name === "key" ? word(name, name) : name),
  );
  panel(
    demo,
    ["The same in numbers"],
    html("table", {}, html("thead", {}, html("tr", {}, ...heads, html("td"))), rows),
    swatch,
    steering,
  );

  const canvas = html("canvas", { width: FIELD, height: FIELD });
  let painted = "";
  return demo.watch(["query", "temperature", "key_points", "value_colors", "description"], () => {
    const now = state();
    const [x, y] = demo.get("query");
    const numbers = attendTo([x, y], now);
    const { scores, weights, output } = numbers;

    const wanted = JSON.stringify(now); // the background does not change while the query moves
    if (painted !== wanted) put(field, { href: paintField(canvas, now) });
    painted = wanted;

    put(plane, { "aria-label": demo.get("description") });
    links.replaceChildren(
      ...now.keys.map(([x_j, y_j], j) =>
        line(across(x), upward(y), across(x_j), upward(y_j), "link", {
          "stroke-width": 1 + 13 * weights[j],
        }),
      ),
    );
    dots.replaceChildren(
      ...now.keys.map(([x_j, y_j], j) => {
        const color = now.values[j];
        const mark = svg(
          "g",
          { transform: `translate(${across(x_j)} ${upward(y_j)})` },
          svg("circle", { r: 15, class: "rim" }),
          svg("circle", { r: 12, fill: rgb(color), class: "sample" }),
          text(j + 1, { y: 4.5, class: "middle number", style: `fill: ${readable(color)}` }),
        );
        const share = percent(weights[j]);
        if (weights[j] >= SHOWN) mark.append(text(share, { y: 31, class: "middle halo share" }));
        return mark;
      }),
    );
    put(query, {
      transform: `translate(${across(x)} ${upward(y)})`,
      "aria-valuenow": x,
      "aria-valuetext": `x ${fixed(x, 2)}, y ${fixed(y, 2)}`,
    });
    put(inside, { fill: rgb(output) });

    rows.replaceChildren(
      ...now.values.map((color, j) => {
        const style = `background: ${rgb(color)}; color: ${readable(color)}`;
        const bar = html("span", { class: "bar", style: `width: ${100 * weights[j]}%` });
        return html(
          "tr",
          {},
          html("th", { scope: "row" }, html("span", { class: "chip", style }, j + 1)),
          html("td", {}, fixed(scores[j], 2)),
          html("td", {}, fixed(weights[j], 3)),
          html("td", { class: "track" }, bar),
        );
      }),
    );
    swatch.style.background = rgb(output);
    swatch.style.color = readable(output);
    swatch.textContent = `output = (${output.map((part) => fixed(part, 2)).join(", ")})`;

    demo.publish(numbers);
    demo.say(describe(weights));
  });
}

export default { render };
