// Position dials: the pairs of features that tell a position, as hands of clocks.

import { axes } from "../frame/axes.js";
import { menu, slider } from "../frame/controls.js";
import { legend, line, path, picture, put, svg, text, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { fixed, mean } from "../frame/math.js";

const FEATURES = 16; // as in widget.py
const FARTHEST = 127;
const OFFSETS = Array.from({ length: FARTHEST + 1 }, (_, k) => k);
// Two rows of four dials, below them the curve: both as wide as a phone shows well.
const WIDTH = 340;
const RADIUS = 34;
const ROW = 100;
const CHART = 200;
const LEFT = 34;
const AIR = 12;

/** @param {number} base */
const frequencies = (base) =>
  Array.from({ length: FEATURES / 2 }, (_, i) => base ** ((-2 * i) / FEATURES));

/**
 * @param {number} p
 * @param {number} k
 * @param {number} trained
 * @param {number} base
 */
function measure(p, k, trained, base) {
  const omega = frequencies(base);
  const similarities = OFFSETS.map((offset) => mean(omega.map((w) => Math.cos(offset * w))));
  return {
    query_angles: omega.map((w) => p * w),
    key_angles: omega.map((w) => (p + k) * w),
    similarity: similarities[k],
    similarities,
    turns: omega.map((w) => (trained * w) / (2 * Math.PI)),
  };
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Position dials",
    formula: [
      [word("query", "query"), " turned by p ωᵢ"],
      [word("key", "key"), " turned by (p + k) ωᵢ"],
      ["similarity = mean of cos(k ωᵢ)"],
    ],
  });
  /** @type {(label: string, trait: string, low: number, high: number, role?: string) => void} */
  const whole = (label, trait, low, high, role) => {
    slider(demo, {
      label,
      role,
      min: low,
      max: high,
      step: 1,
      position: () => demo.get(trait),
      move: (place) => demo.set({ [trait]: place }),
      show: () => String(demo.get(trait)),
      ends: [low, high],
    });
  };
  whole("position p", "position", 0, FARTHEST, "query");
  whole("offset k", "offset", 0, FARTHEST);
  whole("trained length", "trained", 2, FARTHEST + 1);
  menu(demo, {
    label: "base of the frequencies",
    options: () => [
      [10000, "10,000"],
      [100, "100"],
    ],
    chosen: () => demo.get("base"),
    choose: (base) => demo.set({ base: Number(base) }),
  });

  const dials = picture(WIDTH, 2 * ROW, demo.get("description"));
  panel(
    demo,
    ["Eight pairs of features, from fast to slow"],
    dials,
    legend([
      ["", "var(--d-query)", "query, at p"],
      ["", "var(--d-key)", "key, at p + k"],
      ["dashed", "var(--soft)", "no full turn in training"],
    ]),
  );
  const chart = picture(WIDTH, CHART, "Similarity against the offset");
  panel(demo, ["Similarity of two positions against their offset"], chart);

  /** @param {ReturnType<typeof measure>} numbers */
  function drawDials({ query_angles, key_angles, turns }) {
    dials.replaceChildren(
      ...turns.flatMap((round, i) => {
        const cx = (WIDTH / 4) * ((i % 4) + 0.5);
        const cy = ROW * Math.floor(i / 4) + RADIUS + 4;
        /** @type {(angle: number, length: number, kind: string) => SVGLineElement} */
        const hand = (angle, length, kind) => {
          const [x, y] = [cx + length * Math.sin(angle), cy - length * Math.cos(angle)];
          return line(cx, cy, x, y, `hand ${kind}`);
        };
        return [
          svg("circle", { cx, cy, r: RADIUS, class: round < 1 ? "dial partial" : "dial" }),
          hand(key_angles[i], RADIUS - 4, "key"),
          hand(query_angles[i], RADIUS - 12, "query"),
          text(`pair ${i}`, { x: cx, y: cy + RADIUS + 17, class: "middle" }),
        ];
      }),
    );
  }

  /**
   * @param {number[]} similarities
   * @param {number} k
   * @param {number} trained
   */
  function drawChart(similarities, k, trained) {
    const { across, upward, marks } = axes({
      x: {
        domain: [0, FARTHEST],
        range: [LEFT, WIDTH - 10],
        ticks: [0, 32, 64, 96],
        labelsAt: CHART - 5,
      },
      y: { domain: [-0.6, 1], range: [CHART - 24, AIR], ticks: [-0.5, 0, 0.5, 1], ground: 0 },
    });
    const end = across(trained - 1);
    chart.replaceChildren(
      ...marks,
      line(end, AIR, end, upward(-0.6), "axis dashed"),
      text("trained", {
        x: end + (trained > 90 ? -5 : 5),
        y: AIR + 8,
        class: trained > 90 ? "end halo" : "halo",
      }),
      svg("path", {
        class: "curve similar",
        d: path(similarities.map((s, offset) => [across(offset), upward(s)])),
      }),
      svg("circle", { cx: across(k), cy: upward(similarities[k]), r: 5.5, class: "here" }),
    );
  }

  return demo.watch(["position", "offset", "trained", "base", "description"], () => {
    const [p, k, trained, base] = ["position", "offset", "trained", "base"].map((name) =>
      demo.get(name),
    );
    const numbers = measure(p, k, trained, base);
    put(dials, { "aria-label": demo.get("description") });
    drawDials(numbers);
    drawChart(numbers.similarities, k, trained);
    demo.publish(numbers);
    const [first, last] = [0, 7].map((i) => fixed(numbers.query_angles[i] / (2 * Math.PI), 2));
    const partial = numbers.turns.filter((round) => round < 1).length;
    const known = k < trained ? "occurs in training" : "does not occur in training";
    demo.say(
      `At position ${p} the fastest dial has gone round ${first} times, the slowest ${last}. ` +
        `An offset of ${k} ${known}; the similarity there is ${fixed(numbers.similarity, 2)}, ` +
        `wherever the query stands. Within ${trained} positions ${partial} of 8 dials do not ` +
        "complete a turn.",
    );
  });
}

export default { render };
