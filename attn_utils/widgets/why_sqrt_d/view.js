// Why divide by √d: chapter 3's argument, on one random query and sixteen random keys.

import { axes } from "../frame/axes.js";
import { button, slider } from "../frame/controls.js";
import { html, legend, line, path, picture, put, svg, text, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { entropy, fixed, mean, percent, softmax, sum } from "../frame/math.js";

const NUM_KEYS = 16; // as in widget.py
const DIMENSIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const HIGHEST = 1024;
// The pictures: scores above weights, and the charts below.
const WIDTH = 340;
const SCORES = 140;
const WEIGHTS = 130;
const CHART = 150;
// Margins; a label stands above its bars.
const LEFT = 34;
const RIGHT = 6;
const AIR = 8;
const LABEL = 24;
// The score axis shows at least −4 to 4, so that scaled scores do not look larger than they are.
const SMALLEST_RANGE = 4;
const COLUMNS = [
  { name: "q · k", short: "not scaled", kind: "raw", line: "dashed", color: "var(--soft)" },
  { name: "q · k / √d", short: "scaled", kind: "scaled", line: "", color: "var(--ink)" },
];
/** @typedef {"entropy" | "gradient_norm"} Quantity */
/** @type {{ quantity: Quantity, name: string, top: number, ticks: number[] }[]} */
const CHARTS = [
  {
    quantity: "entropy",
    name: "Entropy of the weights",
    top: 1.05 * Math.log(NUM_KEYS),
    ticks: [0, 1, 2],
  },
  { quantity: "gradient_norm", name: "Gradient norm", top: 0.55, ticks: [0, 0.25, 0.5] },
];

// ---- random numbers: integer arithmetic on 32 bits, so that Python draws the same

/** @param {number} number */
function mix(number) {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * Entry `coordinate` of vector `vector` (0 is the query) in a draw: it depends on nothing else.
 * @param {number} start
 * @param {number} vector
 * @param {number} coordinate
 */
function normal(start, vector, coordinate) {
  const place = coordinate * (NUM_KEYS + 1) + vector;
  const [first, second] = [0, 1].map((half) => (mix(start + 2 * place + half) + 0.5) / 2 ** 32);
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}

// ---- the formula

/**
 * Norm of the matrix of derivatives ∂wᵢ/∂sⱼ = wᵢ(δᵢⱼ − wⱼ), without writing the matrix down.
 * @param {number[]} weights
 */
function gradientNorm(weights) {
  const squares = sum(weights.map((w) => w ** 2));
  return Math.sqrt(Math.max(0, squares - 2 * sum(weights.map((w) => w ** 3)) + squares ** 2));
}

/** @typedef {ReturnType<typeof measure>} Numbers */

/**
 * @param {number[]} dots
 * @param {number} dimension
 */
function measure(dots, dimension) {
  const scores = [dots, dots.map((score) => score / Math.sqrt(dimension))];
  const weights = scores.map(softmax);
  return {
    scores,
    weights,
    entropy: weights.map(entropy),
    gradient_norm: weights.map(gradientNorm),
  };
}

/**
 * The measurements at each of the ascending dimensions, in one pass: a higher dimension only adds
 * to the dot products.
 * @param {number} draw
 * @param {number[]} dimensions
 */
function measureAll(draw, dimensions) {
  const start = mix(draw + 1);
  const dots = Array(NUM_KEYS).fill(0);
  let done = 0;
  return dimensions.map((dimension) => {
    for (; done < dimension; done++) {
      const query = normal(start, 0, done);
      for (let key = 0; key < NUM_KEYS; key++) dots[key] += query * normal(start, key + 1, done);
    }
    return measure([...dots], dimension);
  });
}

/** @param {number[]} numbers */
function deviation(numbers) {
  const center = mean(numbers);
  return Math.sqrt(mean(numbers.map((x) => (x - center) ** 2)));
}

/**
 * @param {number} dimension
 * @param {Numbers} numbers
 */
function describe(dimension, { weights, gradient_norm }) {
  const [raw, scaled] = weights.map((row) => Math.max(...row));
  const [rawNorm, scaledNorm] = gradient_norm.map((norm) => fixed(norm, 3));
  let state = "the weights are still spread";
  if (raw > 0.6) state = "one key takes most of the weight";
  if (raw > 0.95) {
    state = "one key has nearly all the weight and the gradient has all but vanished";
  }
  return (
    `In ${dimension} dimension${dimension > 1 ? "s" : ""}, without scaling ${state}: ` +
    `the largest weight is ${percent(raw)}, the gradient norm ${rawNorm}. ` +
    `With scaling the largest weight is ${percent(scaled)}, the gradient norm ${scaledNorm}.`
  );
}

/**
 * @param {string | Node} name
 * @param {string[]} cells
 */
const row = (name, cells) =>
  html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((cell) => html("td", {}, cell)));

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Why divide by √d?",
    formula: [
      [
        ...["score = ", word("q", "query"), " · ", word("k", "key"), "  or  "],
        ...[word("q", "query"), " · ", word("k", "key"), " / √d"],
      ],
      [word("weights", "weight"), " = softmax(scores)"],
    ],
  });
  slider(demo, {
    label: "dimension d",
    min: 0,
    max: DIMENSIONS.length - 1,
    step: 1,
    position: () => Math.log2(demo.get("dimension")),
    move: (power) => demo.set({ dimension: 2 ** power }),
    show: () => `d = ${demo.get("dimension")}`,
    ends: ["1", HIGHEST],
  });
  const draws = () => demo.set({ draw: (demo.get("draw") + 1) % 1_000_000 });
  button(demo, "Another draw", draws).classList.add("low");

  const columns = COLUMNS.map(({ name, short }, i) => {
    const told = i ? `Scores and weights, ${short}` : demo.get("description");
    const bars = picture(WIDTH, SCORES + WEIGHTS + 22, told);
    panel(demo, [html("strong", {}, name), ` — ${short}`], bars);
    return bars;
  });
  const numbersOf = html("tbody");
  const heads = COLUMNS.map(({ name }) => html("th", { scope: "col" }, name));
  panel(
    demo,
    ["The same in numbers"],
    html("table", {}, html("thead", {}, html("tr", {}, html("td"), ...heads)), numbersOf),
  ).classList.add("whole");
  const charts = CHARTS.map(({ name }) => {
    const chart = picture(WIDTH, CHART, `${name} against the dimension, scaled and not`);
    const lines = COLUMNS.map(
      ({ color, line, short }) => /** @type {[string, string, string]} */ ([line, color, short]),
    );
    panel(demo, [name, " against d"], chart, legend(lines));
    return chart;
  });

  /** @param {Numbers} numbers */
  function drawBars({ scores, weights }) {
    const reach = Math.max(SMALLEST_RANGE, 1.05 * Math.max(...scores.flat().map(Math.abs)));
    const tick = 2 ** Math.floor(Math.log2(reach));
    /** @type {[number, number]} */
    const range = [LEFT, WIDTH - RIGHT];
    const above = axes({
      x: { domain: [0, NUM_KEYS], range },
      y: { domain: [-reach, reach], range: [SCORES - AIR, LABEL], ticks: [-tick, tick] },
    });
    const below = axes({
      x: { domain: [0, NUM_KEYS], range },
      y: { domain: [0, 1], range: [SCORES + WEIGHTS, SCORES + LABEL], ticks: [0.5, 1] },
    });
    /** @type {(plot: typeof above, kind: string) => (number: number, i: number) => SVGElement} */
    const bar = (plot, kind) => (number, i) => {
      const [from, to] = [plot.upward(0), plot.upward(number)];
      return svg("rect", {
        class: `glide ${kind}`,
        x: plot.across(i + 0.15),
        width: plot.across(0.7) - plot.across(0),
        y: Math.min(from, to),
        height: Math.max(Math.abs(from - to), 0.5),
        rx: 1.5,
      });
    };
    columns.forEach((bars, column) => {
      bars.replaceChildren(
        ...above.marks.map((mark) => mark.cloneNode(true)),
        ...scores[column].map(bar(above, "score")),
        above.level(0, "axis"),
        text("scores", { x: LEFT, y: 12, class: "ink" }),
        ...below.marks.map((mark) => mark.cloneNode(true)),
        ...weights[column].map(bar(below, "weight")),
        below.level(0, "axis"),
        text("weights", { x: LEFT, y: SCORES + 12, class: "ink" }),
        text("16 keys", { x: (LEFT + WIDTH) / 2, y: SCORES + WEIGHTS + 17, class: "middle" }),
      );
    });
  }

  /**
   * @param {number} dimension
   * @param {Numbers} numbers
   * @param {Numbers[]} curves
   */
  function drawCharts(dimension, numbers, curves) {
    CHARTS.forEach(({ quantity, top, ticks }, i) => {
      const { across, upward, marks } = axes({
        x: {
          domain: [1, HIGHEST],
          logarithmic: true,
          range: [LEFT + 4, WIDTH - RIGHT - 14],
          ticks: [1, 4, 16, 64, 256, HIGHEST],
          labelsAt: CHART - 4,
        },
        y: { domain: [0, top], range: [CHART - 22, AIR], ticks, ground: 0 },
      });
      const here = across(dimension);
      charts[i].replaceChildren(
        ...marks,
        line(here, AIR, here, upward(0), "axis dashed"),
        ...COLUMNS.flatMap(({ kind }, column) => {
          const points = curves.map((at, j) => [
            across(DIMENSIONS[j]),
            upward(at[quantity][column]),
          ]);
          const cy = upward(numbers[quantity][column]);
          return [
            svg("path", { class: `curve ${kind}`, d: path(points) }),
            svg("circle", { cx: here, cy, r: 5.5, class: kind }),
          ];
        }),
      );
    });
  }

  /** @type {Numbers[]} */
  let curves = [];
  let drawn = -1;
  return demo.watch(["dimension", "draw", "description"], () => {
    const dimension = demo.get("dimension");
    const draw = demo.get("draw");
    if (drawn !== draw) curves = measureAll(draw, DIMENSIONS);
    drawn = draw;
    const numbers = measureAll(draw, [dimension])[0];
    const { scores, weights } = numbers;

    put(columns[0], { "aria-label": demo.get("description") });
    drawBars(numbers);
    drawCharts(dimension, numbers, curves);
    /** @type {(numbers: number[], digits: number) => string[]} */
    const written = (numbers, digits) => numbers.map((number) => fixed(number, digits));
    const most = fixed(Math.log(NUM_KEYS), 2);
    numbersOf.replaceChildren(
      row("spread of the scores (standard deviation)", written(scores.map(deviation), 2)),
      row(
        "largest weight",
        written(
          weights.map((row) => Math.max(...row)),
          3,
        ),
      ),
      row(`entropy of the weights (at most log 16 = ${most})`, written(numbers.entropy, 2)),
      row("gradient norm of the softmax", written(numbers.gradient_norm, 3)),
    );

    demo.publish(numbers);
    demo.say(describe(dimension, numbers));
  });
}

export default { render };
