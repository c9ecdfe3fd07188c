// Cost and reach: chapter 6's table, as curves against the length and as the path of a signal.

import { axes } from "../frame/axes.js";
import { slider, tick } from "../frame/controls.js";
import { html, legend, line, path, picture, put, svg, text } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { fixed } from "../frame/math.js";

const SHORTEST = 16;
const LONGEST = 65536;
const WIDTH = 360;
const CHART = 230;
const LEFT = 34;
const RIGHT = 20;
const AIR = 12;
// What one token costs is drawn in units of d²; the widest convolution costs 15.
const TOP = 16;
const TOKENS = 16; // drawn below
const STEP = 15;
const EDGE = 12;
const KINDS = /** @type {const} */ (["attention", "gru", "convolution"]);
const NAMES = ["self-attention", "GRU", "convolution"];
const LINES = ["", "dashed", "dotted"];
const COLORS = ["var(--ink)", "var(--soft)", "var(--soft)"];

/**
 * What a layer costs: multiplications, steps in sequence, longest path.
 * @param {number} n
 * @param {number} d
 * @param {number} k
 * @param {boolean} projections
 */
function count(n, d, k, projections) {
  const projected = projections ? 4 : 0;
  return {
    operations: [2 * n * n * d + projected * n * d * d, 6 * n * d * d, k * n * d * d],
    steps: [1, n, 1],
    path: [1, n - 1, Math.ceil((n - 1) / Math.floor(k / 2))],
    crossover: ((6 - projected) * d) / 2,
  };
}

/** @param {number} number */
const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * Where a signal is after each step from the first of the drawn tokens to the last: [token, layer].
 * @param {number} kind
 * @param {number} k
 */
function way(kind, k) {
  const last = TOKENS - 1;
  if (kind === 0)
    return [
      [0, 0],
      [last, 1],
    ];
  if (kind === 1) return Array.from({ length: TOKENS }, (_, token) => [token, 1]);
  const hop = Math.floor(k / 2);
  const layers = Math.ceil(last / hop);
  return Array.from({ length: layers + 1 }, (_, layer) => [Math.min(layer * hop, last), layer]);
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Cost and reach",
    formula: [["self-attention 2n²d + 4nd²"], ["GRU 6nd²"], ["convolution knd²"]],
  });
  /** @type {(label: string, trait: string, most: number) => void} */
  const powers = (label, trait, most) => {
    slider(demo, {
      label,
      min: Math.log2(SHORTEST),
      max: Math.log2(most),
      step: 1,
      position: () => Math.log2(demo.get(trait)),
      move: (power) => demo.set({ [trait]: 2 ** power }),
      show: () => grouped(demo.get(trait)),
      ends: [SHORTEST, grouped(most)],
    });
  };
  powers("length n", "length", LONGEST);
  powers("features d", "features", 4096);
  slider(demo, {
    label: "width k of the convolution",
    min: 3,
    max: 15,
    step: 2,
    position: () => demo.get("kernel"),
    move: (kernel) => demo.set({ kernel }),
    show: () => String(demo.get("kernel")),
    ends: [3, 15],
  });
  tick(demo, { label: "count the projections", trait: "projections" });

  const chart = picture(WIDTH, CHART, demo.get("description"));
  const signs = legend(
    NAMES.map((name, i) => /** @type {[string, string, string]} */ ([LINES[i], COLORS[i], name])),
  );
  panel(demo, ["Multiplications for one token, in units of d², against n"], chart, signs);
  const rows = html("tbody");
  const heads = ["a layer of", "cost, million", "steps", "path"];
  const head = html("tr", {}, ...heads.map((name) => html("th", { scope: "col" }, name)));
  const table = html("table", { class: "costs" }, html("thead", {}, head), rows);
  panel(demo, ["The same in numbers"], table);
  const ways = NAMES.map((name) => {
    const drawn = picture(2 * EDGE + (TOKENS - 1) * STEP, 2 * EDGE + STEP, name);
    const words = html("span");
    const node = panel(demo, [html("strong", {}, name), words], drawn);
    return { drawn, words, node };
  });
  const row = html("div", { class: "pictures ways whole" }, ...ways.map(({ node }) => node));
  demo.pictures.append(row);

  /**
   * @param {number} n
   * @param {number} d
   * @param {number} k
   * @param {boolean} projections
   */
  function drawChart(n, d, k, projections) {
    const { across, upward, marks } = axes({
      x: {
        domain: [SHORTEST, LONGEST],
        logarithmic: true,
        range: [LEFT, WIDTH - RIGHT],
        ticks: [16, 128, 1024, 8192, 65536],
        labelsAt: CHART - 5,
      },
      y: { domain: [0, TOP], range: [CHART - 24, AIR], ticks: [0, 4, 8, 12, 16], ground: 0 },
    });
    /** @param {number} length */
    const ofToken = (length) =>
      count(length, d, k, projections).operations.map((all) => all / length / d / d);
    // Where the curve of self-attention leaves the picture, or its right edge.
    const end = Math.min(LONGEST, ((TOP - (projections ? 4 : 0)) * d) / 2);
    const lengths = Array.from({ length: 81 }, (_, i) => SHORTEST * (end / SHORTEST) ** (i / 80));
    const here = across(n);
    const { crossover } = count(n, d, k, projections);
    const crossing =
      crossover >= SHORTEST && crossover <= LONGEST
        ? [
            line(across(crossover), AIR, across(crossover), upward(0), "axis dashed crossing"),
            text(`n = ${grouped(crossover)}`, {
              x: across(crossover) + (crossover < n ? -5 : 5),
              y: AIR + 8,
              class: crossover < n ? "end halo" : "halo",
            }),
          ]
        : [];
    chart.replaceChildren(
      ...marks,
      ...crossing,
      ...KINDS.map((kind, i) => {
        const ends = i ? [SHORTEST, LONGEST] : lengths;
        const points = ends.map((at) => [across(at), upward(ofToken(at)[i])]);
        return svg("path", { class: `curve ${kind}`, d: path(points) });
      }),
      ...KINDS.flatMap((kind, i) => {
        const cost = ofToken(n)[i];
        return cost > TOP
          ? []
          : [svg("circle", { cx: here, cy: upward(cost), r: 5.5, class: kind })];
      }),
      line(here, AIR, here, upward(0), "axis here"),
    );
  }

  /** @param {number} k */
  function drawWays(k) {
    ways.forEach(({ drawn, words }, kind) => {
      const places = way(kind, k);
      const layers = Math.max(...places.map(([, layer]) => layer));
      const foot = EDGE + layers * STEP;
      /** @type {(place: number[]) => number[]} */
      const spot = ([token, layer]) => [EDGE + token * STEP, foot - layer * STEP];
      const met = new Set(places.map(String));
      const dots = Array.from({ length: layers + 1 }, (_, layer) =>
        Array.from({ length: TOKENS }, (_, token) => {
          const [cx, cy] = spot([token, layer]);
          const kindOf = met.has(String([token, layer])) ? "token met" : "token";
          return svg("circle", { cx, cy, r: 4, class: kindOf });
        }),
      );
      const shown = kind === 1 ? [[0, 0], ...places] : places;
      put(drawn, {
        viewBox: `0 0 ${2 * EDGE + (TOKENS - 1) * STEP} ${foot + EDGE}`,
        "aria-label": `The way of a signal over ${TOKENS} tokens, ${NAMES[kind]}`,
      });
      drawn.replaceChildren(
        svg("path", { class: "way", d: path(shown.map(spot)) }),
        ...dots.flat(),
      );
      const hops = kind === 1 ? TOKENS - 1 : places.length - 1;
      const unit = kind === 2 ? "layer" : "step";
      words.textContent = ` — ${hops} ${unit}${hops > 1 ? "s" : ""}`;
    });
  }

  return demo.watch(["length", "features", "kernel", "projections", "description"], () => {
    const [n, d, k] = ["length", "features", "kernel"].map((name) => demo.get(name));
    const projections = demo.get("projections");
    const numbers = count(n, d, k, projections);
    put(chart, { "aria-label": demo.get("description") });
    drawChart(n, d, k, projections);
    drawWays(k);
    rows.replaceChildren(
      ...NAMES.map((name, i) => {
        const cells = [
          fixed(numbers.operations[i] / 1e6, 1),
          grouped(numbers.steps[i]),
          grouped(numbers.path[i]),
        ];
        const written = cells.map((cell) => html("td", {}, cell));
        return html("tr", {}, html("th", { scope: "row" }, name), ...written);
      }),
    );
    demo.publish(numbers);
    const [own, ...others] = numbers.operations;
    const [times, timesConvolution] = others.map((other) => fixed(own / other, 2));
    demo.say(
      `With ${grouped(n)} tokens of ${grouped(d)} features a layer of self-attention needs ` +
        `${times} times the multiplications of a GRU and ${timesConvolution} times those of the ` +
        `convolution; as many as the GRU at n = ${grouped(numbers.crossover)}. ` +
        "A signal gets from " +
        `the first token to the last in 1 step, in ${grouped(numbers.path[1])} steps, and in ` +
        `${grouped(numbers.path[2])} layers.`,
    );
  });
}

export default { render };
