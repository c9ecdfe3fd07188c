// Kernel explorer: chapter 2's regression, one row of its weights, and the error against the width.

import { airyRange, axes, wholeNumbers } from "../frame/axes.js";
import { button, menu, slider } from "../frame/controls.js";
import {
  drag,
  html,
  legend,
  line,
  path,
  picture,
  put,
  svg,
  text,
  word,
} from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, dot, fixed } from "../frame/math.js";
import {
  fitOn,
  leaveOneOut,
  measureWidths,
  NARROWEST,
  trueError,
  WIDEST,
  WIDTHS,
  weightsAt,
} from "./regression.js";

/** @import { Data } from "./regression.js" */

// Both pictures are this wide; STEMS is the height of the strip with the weights below the data.
const WIDTH = 340;
const HEIGHT = 230;
const STEMS = 70;
const TALL = HEIGHT + STEMS;
// Margins.
const LEFT = 30;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 42;
const STEP = 0.05; // an arrow key moves the query by this much
/** @type {[number, number]} */
const DOMAIN = [0, 5];
const ERROR_TOP = 1.25; // the error axis ends here; curves that go higher leave the picture
/** @type {[value: string, name: string][]} */
const KERNELS = [
  ["gaussian", "Gaussian"],
  ["box", "box"],
  ["triangle", "triangle"],
  ["epanechnikov", "Epanechnikov"],
];

/**
 * @param {Data} data
 * @param {number} x
 * @param {{ weights: number[], output: number, loo_error: number, true_error: number, best_width:
 *   number }} numbers
 */
function describe(data, x, { weights, output, loo_error, true_error, best_width }) {
  const used = weights.filter((w) => w > 0.001).length;
  const ratio = data.width / best_width;
  let verdict = "close to the best width";
  if (ratio > 1.6) verdict = "too wide: the fit misses the shape of the curve";
  if (ratio < 0.62) verdict = "too narrow: the fit follows the noise";
  const found = used
    ? `averages ${used} of ${weights.length} points and gets ${fixed(output, 2)}.`
    : "has no point in its window: all weights are 0, and so is the output.";
  return (
    `The query at x = ${fixed(x, 2)} ${found} Width ${fixed(data.width, 2)} is ${verdict}. ` +
    `Leave-one-out error ${fixed(loo_error, 2)}, error against the truth ${fixed(true_error, 2)}.`
  );
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Kernel explorer",
    formula: [
      [
        word("weights", "weight"),
        " = softmax(log K((",
        word("x", "query"),
        " − ",
        word("xⱼ", "key"),
        ") / width))",
      ],
      [word("fit", "output"), " = Σ ", word("weight", "weight"), " · ", word("yⱼ", "value")],
    ],
  });
  /** @param {number} number */
  const tidy = (number) => Math.round(1e4 * number) / 1e4;
  /** @param {number} width */
  const setWidth = (width) => demo.set({ width: clamp(tidy(width), NARROWEST, WIDEST) });
  /** @param {number} x */
  const setX = (x) => demo.set({ x: clamp(tidy(x), ...DOMAIN) });

  menu(demo, {
    label: "kernel",
    options: () => KERNELS,
    chosen: () => demo.get("kernel"),
    choose: (kernel) => demo.set({ kernel }),
  });
  slider(demo, {
    label: "width",
    min: Math.log10(NARROWEST),
    max: Math.log10(WIDEST),
    step: 0.02,
    position: () => Math.log10(demo.get("width")),
    move: (exponent) => setWidth(10 ** exponent),
    show: () => fixed(demo.get("width"), 2),
    ends: ["narrow", "wide"],
  });
  slider(demo, {
    label: "query x",
    role: "query",
    min: DOMAIN[0],
    max: DOMAIN[1],
    step: STEP,
    position: () => demo.get("x"),
    move: setX,
    show: () => fixed(demo.get("x"), 2),
    ends: DOMAIN,
  });

  // The data, the fit, and below them one row of weights.
  const plot = picture(WIDTH, TALL, demo.get("description"), { class: "sideways" });
  const [low, high] = airyRange([...demo.get("y_train"), ...demo.get("y_test")]);
  const { across, upward, marks } = axes({
    x: {
      domain: DOMAIN,
      range: [LEFT, WIDTH - RIGHT],
      ticks: wholeNumbers(...DOMAIN),
      labelsAt: TALL - 3,
    },
    y: { domain: [low, high], range: [HEIGHT, TOP], ticks: wholeNumbers(low, high) },
  });
  const floor = TALL - 20;
  const moving = svg("g");
  const points = svg("g");
  plot.append(...marks, line(LEFT, floor, WIDTH - RIGHT, floor, "axis"), moving, points);
  panel(
    demo,
    [
      ...["Drag the ", word("query", "query"), ": each point counts as much as its "],
      ...[word("weight", "weight"), " below."],
    ],
    plot,
    legend([
      ["dashed", "var(--soft)", "truth"],
      ["", "var(--d-output)", "fit"],
      ["dot", "var(--d-value)", "data"],
    ]),
  );
  drag(plot, null, (x) => setX(across.inverse(x)));

  // The error against the width.
  const errors = picture(WIDTH, TALL, "Error against the width of the kernel", {
    class: "sideways",
  });
  const plane = axes({
    x: {
      domain: [NARROWEST, WIDEST],
      logarithmic: true,
      range: [LEFT, WIDTH - RIGHT],
      ticks: [0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      labelsAt: TALL - 25,
    },
    y: { domain: [0, ERROR_TOP], range: [TALL - BOTTOM, TOP], ticks: [0, 0.5, 1], ground: 0 },
  });
  const curves = svg("g");
  errors.append(
    ...plane.marks,
    text("width", { x: (LEFT + WIDTH) / 2, y: TALL - 6, class: "middle" }),
    curves,
  );
  const readout = html("table");
  const buttons = html("div", { class: "controls" });
  panel(
    demo,
    ["Mean squared error against the width"],
    errors,
    legend([
      ["", "var(--ink)", "leave-one-out"],
      ["dashed", "var(--soft)", "against the truth"],
    ]),
    readout,
    buttons,
  );
  drag(errors, null, (x) => setWidth(plane.across.inverse(clamp(x, LEFT, WIDTH - RIGHT))));
  button(demo, "Take the best width", () => demo.set({ width: tidy(best().width) }), buttons);

  /** @returns {Data} */
  const data = () => ({
    kernel: demo.get("kernel"),
    width: demo.get("width"),
    keys: demo.get("x_train"),
    values: demo.get("y_train"),
    xTest: demo.get("x_test"),
    yTest: demo.get("y_test"),
  });
  // Half a million exponentials, so they are kept until the kernel or the data change.
  let known = { of: "", loo: [0], truth: [0], width: 0 };
  function best() {
    const of = JSON.stringify({ ...data(), width: 0 });
    if (known.of !== of) known = { of, ...measureWidths(data()) };
    return known;
  }

  const traits = ["kernel", "width", "x", "x_train", "y_train", "x_test", "y_test", "description"];
  return demo.watch(traits, () => {
    const now = data();
    const x = demo.get("x");
    const fit = fitOn(now);
    const { width: bestWidth, loo, truth } = best();
    const weights = weightsAt(x, now);
    const numbers = {
      weights,
      output: dot(weights, now.values),
      loo_error: leaveOneOut(now),
      true_error: trueError(now, fit),
      best_width: bestWidth,
    };

    put(plot, { "aria-label": demo.get("description") });
    /** @param {number[]} ys */
    const curve = (ys) =>
      path(now.xTest.map((t, i) => [across(t), upward(clamp(ys[i], low, high))]));
    const tallest = Math.max(...weights, 1e-9);
    const height = STEMS - 34; // of the strip: as high as the largest weight of this row
    moving.replaceChildren(
      line(across(x), TOP, across(x), floor, "plumb"),
      svg("path", { d: curve(now.yTest), class: "curve truth dashed" }),
      svg("path", { d: curve(fit), class: "curve fit" }),
    );
    const stems = weights.map((weight, i) => {
      const at = across(now.keys[i]);
      return line(at, floor, at, floor - height * (weight / tallest), "stem");
    });
    const dots = weights.map((weight, i) =>
      svg("circle", {
        cx: across(now.keys[i]),
        cy: upward(now.values[i]),
        r: 2.5 + 3.5 * (weight / tallest),
        class: "point",
        "fill-opacity": 0.3 + 0.6 * (weight / tallest),
      }),
    );
    points.replaceChildren(
      ...stems,
      ...dots,
      svg("circle", {
        cx: across(x),
        cy: upward(clamp(numbers.output, low, high)),
        r: 7,
        class: "output",
      }),
      svg("path", { d: `M${across(x)},${floor - 1}l-6,9h12z`, class: "query" }),
    );

    const place = plane.across(now.width);
    const goal = plane.across(bestWidth);
    /** @param {number[]} ys */
    const errorCurve = (ys) => {
      const spots = WIDTHS.map((width, i) => [width, ys[i]]).filter(([, y]) => y <= ERROR_TOP);
      return path(spots.map(([width, y]) => [plane.across(width), plane.upward(y)]));
    };
    curves.replaceChildren(
      line(goal, TOP + 16, goal, TALL - BOTTOM, "axis dashed"),
      text(`best ${fixed(bestWidth, 2)}`, { x: goal, y: TOP + 8, class: "middle" }),
      svg("path", { d: errorCurve(truth), class: "curve truth dashed" }),
      svg("path", { d: errorCurve(loo), class: "curve loo" }),
      line(place, TOP + 16, place, TALL - BOTTOM, "here"),
      svg("circle", {
        cx: place,
        cy: plane.upward(Math.min(numbers.loo_error, ERROR_TOP)),
        r: 7,
        class: "here",
      }),
    );
    /** @type {(name: string, number: number) => HTMLElement} */
    const row = (name, number) =>
      html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, fixed(number, 3)));
    readout.replaceChildren(
      html(
        "tbody",
        {},
        row("leave-one-out error", numbers.loo_error),
        row("error against the truth", numbers.true_error),
      ),
    );

    demo.publish(numbers);
    demo.say(describe(now, x, numbers));
  });
}

export default { render };
