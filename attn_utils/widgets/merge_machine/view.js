// Merge machine: attention over blocks of keys, merged one after the other.

import { axes } from "../frame/axes.js";
import { button, menu, slider, tick } from "../frame/controls.js";
import {
  html,
  indexed,
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
import { fixed } from "../frame/math.js";
import { chips } from "./chips.js";
import { allBlocks, mergeAll, outputOf } from "./merge.js";
import { sentence } from "./words.js";

const KEYS = 12; // as in widget.py
const REACH = 2.5; // of the plane, in both directions
const WIDTH = 340;
const LEFT = 34;
const SCORES = 150; // height of the upper part of the bars' picture
const WEIGHTS = 116;
const PLANE = 320;

/** @typedef {ReturnType<typeof mergeAll>} Steps */

/** @param {string} low the index of the maximum in the exponent */
const power = (low) => html("span", {}, "e", html("sup", {}, indexed("m", low), " − m"));

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Merge machine",
    formula: [
      ["m = max(", indexed("m", "old"), ", ", indexed("m", "b"), ")"],
      ["ℓ = ", power("old"), " ", indexed("ℓ", "old"), " + ", power("b"), " ", indexed("ℓ", "b")],
      [word("output", "output"), " = numerator / ℓ"],
    ],
  });
  const size = () => demo.get("block_size");
  const count = () => KEYS / size();
  const blocks = () => allBlocks(demo.get("order"), count());
  const step = () => Math.min(demo.get("step"), count());

  menu(demo, {
    label: "keys in a block",
    options: () => [1, 2, 3, 4, 6, 12].map((number) => [number, String(number)]),
    chosen: size,
    choose: (chosen) => {
      const block_size = Number(chosen);
      const order = Array.from({ length: KEYS / block_size }, (_, i) => i);
      demo.set({ order, step: Math.min(step(), order.length), block_size });
    },
  });
  slider(demo, {
    label: "scale of the scores",
    min: -2,
    max: 6,
    step: 1,
    position: () => Math.log2(demo.get("scale")),
    move: (exponent) => demo.set({ scale: 2 ** exponent }),
    show: () => `× ${Number(demo.get("scale").toPrecision(3))}`,
    ends: ["× 0.25", "× 64"],
  });
  tick(demo, { label: "forget to rescale", trait: "forget" });

  const stepping = html("div", { class: "controls stepping" });
  slider(demo, {
    into: stepping,
    label: "blocks merged",
    min: 1,
    max: count,
    step: 1,
    position: step,
    move: (place) => demo.set({ step: place }),
    show: () => `${step()} of ${count()}`,
  });
  /** @type {(label: string, by: number) => HTMLButtonElement} */
  const stepper = (label, by) => {
    const allowed = () => step() + by >= 1 && step() + by <= count();
    const act = () => {
      if (allowed()) demo.set({ step: step() + by });
    };
    const node = button(demo, label, act, stepping);
    demo.refreshers.push(() => put(node, { "aria-disabled": allowed() ? null : "true" }));
    return node;
  };
  stepper("Back", -1);
  stepper("Step", 1);
  const bars = picture(WIDTH, SCORES + WEIGHTS, demo.get("description"));
  panel(
    demo,
    ["The blocks of keys in the order of merging: drag them, or choose one and move it"],
    ...chips(demo, { blocks, size, step }),
    stepping,
    html("p", { class: "caption" }, "Scores, and below them the weights of the keys so far"),
    bars,
  );
  const plane = picture(PLANE, PLANE, "Values, and the output after each merge", {
    class: "plane",
  });
  const signs = html("div");
  const rows = html("tbody");
  const heads = ["", "old", "block", "merged"].map((name) =>
    name ? html("th", { scope: "col" }, name) : html("td"),
  );
  panel(
    demo,
    [word("values", "value"), " of the keys, and the ", word("output", "output")],
    plane,
    signs,
    html("table", {}, html("thead", {}, html("tr", {}, ...heads)), rows),
  );

  /** @param {number} j a key */
  const state = (j) => {
    const place = blocks().indexOf(Math.floor(j / size())) + 1;
    return place < step() ? "merged" : place === step() ? "now" : "waiting";
  };

  /**
   * @param {number[]} scores
   * @param {number[]} weights
   * @param {number} maximum
   */
  function drawBars(scores, weights, maximum) {
    const top = 3 * demo.get("scale"); // scores are from −3 to 3
    /** @type {[number, number]} */
    const range = [LEFT, WIDTH];
    const upper = axes({
      x: { domain: [0, KEYS], range },
      y: { domain: [-top, top], range: [SCORES - 8, 18], ticks: [-top, 0, top], ground: 0 },
    });
    const lower = axes({
      x: { domain: [0, KEYS], range },
      y: { domain: [0, 1], range: [SCORES + WEIGHTS - 26, SCORES + 10], ticks: [0, 1], ground: 0 },
    });
    // Blocks stand apart, the keys of a block close together.
    const gap = 5;
    const wide = upper.across(1) - upper.across(0);
    /** @param {number} j */
    const left = (j) => upper.across(j) + (j % size() ? 1 : gap);
    /** @param {number} j */
    const width = (j) => upper.across(j) + wide - left(j) - ((j + 1) % size() ? 1 : gap);
    const aside = weights.indexOf(Math.max(...weights)) < KEYS / 2; // the bar, and the label
    bars.replaceChildren(
      ...upper.marks,
      ...lower.marks,
      ...scores.flatMap((score, j) => {
        const y = Math.min(upper.upward(score), upper.upward(0));
        const height = Math.abs(upper.upward(score) - upper.upward(0));
        const weight = lower.upward(weights[j]);
        return [
          svg("rect", { x: left(j), y, width: width(j), height, class: `score ${state(j)}` }),
          svg("rect", {
            x: left(j),
            y: weight,
            width: width(j),
            height: lower.upward(0) - weight,
            class: "weight",
          }),
          text(j + 1, { x: left(j) + width(j) / 2, y: SCORES + WEIGHTS - 8, class: "middle" }),
        ];
      }),
      upper.level(maximum, "level"),
      text(`m = ${fixed(maximum, 2)}`, {
        x: aside ? WIDTH : LEFT + 4,
        y: upper.upward(maximum) - 5,
        class: aside ? "end halo" : "halo",
      }),
    );
  }

  /**
   * @param {Steps} steps
   * @param {number[][]} values
   */
  function drawPlane(steps, values) {
    const ticks = [-2, -1, 0, 1, 2];
    const { across, upward, marks } = axes({
      x: { domain: [-REACH, REACH], range: [26, PLANE - 6], ticks, labelsAt: PLANE - 4 },
      y: { domain: [-REACH, REACH], range: [PLANE - 24, 6], ticks, ground: 0 },
    });
    /** @param {number[]} point */
    const at = ([x, y]) => [across(x), upward(y)];
    /** @type {(point: number[], r: number, kind: string) => SVGCircleElement} */
    const dot = (point, r, kind) => {
      const [cx, cy] = at(point);
      return svg("circle", { cx, cy, r, class: kind });
    };
    const done = steps.slice(0, step());
    const way = done.map(({ output }) => output);
    const astray = demo.get("forget") ? done.map(({ wrongOutput }) => wrongOutput) : [];
    plane.replaceChildren(
      ...marks,
      line(across(0), upward(-REACH), across(0), upward(REACH), "axis"),
      ...values.map((value, j) =>
        dot(value, 4.5, state(j) === "waiting" ? "value waiting" : "value"),
      ),
      ...(astray.length > 1 ? [svg("path", { class: "wrong", d: path(astray.map(at)) })] : []),
      ...(way.length > 1 ? [svg("path", { class: "way output", d: path(way.map(at)) })] : []),
      ...way.slice(0, -1).map((point) => dot(point, 3, "stop")),
      dot(steps[steps.length - 1].output, 11, "all"),
      ...astray.slice(-1).map((point) => dot(point, 6, "wrong")),
      dot(way[way.length - 1], 7, "output"),
    );
  }

  /** @param {Steps[number]} now */
  function fillTable({ before, block, after }) {
    const first = before.total === 0;
    const parts = [before, block, after];
    const ratio = parts.map((part) => (part.total ? outputOf(part).map((x) => fixed(x, 2)) : []));
    const factors = [first ? "0" : fixed(after.oldFactor, 3), fixed(after.newFactor, 3), ""];
    /** @type {[string, string[]][]} */
    const lines = [
      ["max. m", parts.map((part, i) => (first && !i ? "−∞" : fixed(part.maximum, 2)))],
      ["sum ℓ", parts.map((part) => fixed(part.total, 2))],
      ["numerator", parts.map((part) => part.numerator.map((x) => fixed(x, 2)).join(", "))],
      ["factor", factors],
      ["output", ratio.map((pair) => pair.join(", ") || "–")],
    ];
    rows.replaceChildren(
      ...lines.map(([name, cells]) => {
        const head = name === "output" ? word(name, "output") : name;
        const written = cells.map((cell) => html("td", {}, cell));
        return html("tr", {}, html("th", { scope: "row" }, head), ...written);
      }),
    );
  }

  const traits = ["block_size", "order", "step", "scale", "forget", "key_scores", "key_values"];
  return demo.watch([...traits, "description"], () => {
    const scores = demo.get("key_scores").map((/** @type {number} */ s) => s * demo.get("scale"));
    const values = demo.get("key_values");
    const steps = mergeAll(scores, values, blocks(), size());
    const now = steps[step() - 1];
    const { maximum, total } = now.after;
    const weights = scores.map((/** @type {number} */ score, /** @type {number} */ j) =>
      now.keys.includes(j) ? Math.exp(score - maximum) / total : 0,
    );
    put(bars, { "aria-label": demo.get("description") });
    drawBars(scores, weights, maximum);
    drawPlane(steps, values);
    fillTable(now);
    /** @type {import("../frame/elements.js").Sign[]} */
    const wrongSign = demo.get("forget") ? [["dot", "var(--ink)", "without rescaling"]] : [];
    signs.replaceChildren(
      legend([
        ["dot", "var(--d-value)", "value"],
        ["dot", "var(--d-output)", "output so far"],
        ["ring", "var(--d-output)", "over all keys"],
        ...wrongSign,
      ]),
    );
    demo.publish({
      maximum: steps.map(({ after }) => after.maximum),
      total: steps.map(({ after }) => after.total),
      output: steps.map(({ output }) => output),
      old_factor: steps.map(({ after }) => after.oldFactor),
      new_factor: steps.map(({ after }) => after.newFactor),
      block_maximum: steps.map(({ block }) => block.maximum),
      block_total: steps.map(({ block }) => block.total),
      weights,
      wrong_output: steps.map(({ wrongOutput }) => wrongOutput),
      error: steps.map(({ error }) => error),
      naive: steps.map(({ naive }) => Number(naive)),
    });
    demo.say(sentence(scores, steps, step(), demo.get("forget")));
  });
}

export default { render };
