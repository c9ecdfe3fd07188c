// Memory: the bytes of keys and values against the length of a conversation.

import { axes } from "../frame/axes.js";
import { menu, slider } from "../frame/controls.js";
import { html, legend, line, path, picture, put, svg, text } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { grouped, headsKept, KINDS, perToken, size, times, tokensKept } from "./bytes.js";

const LONGEST = 2 ** 20;
const FEWEST = 500; // bytes at the foot of the picture: no model here keeps less
const MOST = 1e15;
const WIDTH = 360;
const CHART = 340;
const LEFT = 40;
const RIGHT = 37;
const AIR = 8;
const ASIDE = LEFT + 54; // where the line of the weights begins
const FOOT = CHART - 24;
const NAMES = ["all heads", "groups of heads", "one head", "as published"];

/** @typedef {import("./bytes.js").Published} Published */

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Memory",
    formula: [["bytes = 2 · layers · key–value heads · head size · bytes of a number · tokens"]],
  });
  /** @returns {Published[]} */
  const models = () => demo.get("models");
  menu(demo, {
    label: "model",
    options: () => models().map(({ name }) => [name, name]),
    chosen: () => demo.get("model_name"),
    choose: (model_name) => demo.set({ model_name }),
  });
  menu(demo, {
    label: "keys and values for",
    options: () => [3, 0, 1, 2].map((i) => [KINDS[i], NAMES[i]]),
    chosen: () => demo.get("kept"),
    choose: (kept) => demo.set({ kept }),
  });
  menu(demo, {
    label: "window",
    options: () => [
      ["published", "as published"],
      ["none", "none"],
      ["4096", "4,096 tokens"],
    ],
    chosen: () => demo.get("window"),
    choose: (window) => demo.set({ window }),
  });
  menu(demo, {
    label: "bytes of a number",
    options: () => [4, 2, 1].map((number) => [number, String(number)]),
    chosen: () => demo.get("number_bytes"),
    choose: (number_bytes) => demo.set({ number_bytes: Number(number_bytes) }),
  });
  /** @type {(label: string, trait: string, most: number) => void} */
  const powers = (label, trait, most) => {
    slider(demo, {
      label,
      min: 0,
      max: Math.log2(most),
      step: 1,
      position: () => Math.log2(demo.get(trait)),
      move: (power) => demo.set({ [trait]: 2 ** power }),
      show: () => grouped(demo.get(trait)),
      ends: [1, grouped(most)],
    });
  };
  powers("tokens", "tokens", LONGEST);
  powers("conversations", "conversations", 64);

  const chart = picture(WIDTH, CHART, demo.get("description"));
  panel(
    demo,
    ["Bytes of all conversations against the tokens of each"],
    chart,
    legend([
      ["thick", "var(--ink)", "as chosen"],
      ["", "var(--soft)", NAMES[0]],
      ["dashed", "var(--soft)", NAMES[1]],
      ["dotted", "var(--soft)", NAMES[2]],
    ]),
  );
  const rows = html("tbody");
  const heads = ["keys and values for", "heads", "a token", "all tokens"];
  const head = html("tr", {}, ...heads.map((name) => html("th", { scope: "col" }, name)));
  const source = html("p", { class: "hint" });
  panel(
    demo,
    ["The same in numbers"],
    html("table", { class: "kept" }, html("thead", {}, head), rows),
    source,
  );

  /**
   * @param {number[]} costs of a token of all conversations, for each of the kinds
   * @param {number} cost the chosen one
   * @param {number} window
   * @param {number} weights
   */
  function drawChart(costs, cost, window, weights) {
    const { across, upward: straight } = axes({
      x: { domain: [1, LONGEST], logarithmic: true, range: [LEFT, WIDTH - RIGHT] },
      y: { domain: [Math.log10(FEWEST), Math.log10(MOST)], range: [FOOT, AIR] },
    });
    /** @param {number} bytes */
    const upward = (bytes) => straight(Math.log10(bytes));
    /** @type {(bytes: number, kind: string, from?: number) => SVGLineElement} */
    const level = (bytes, kind, from = LEFT) =>
      line(from, upward(bytes), WIDTH - RIGHT, upward(bytes), kind);
    // Labels stand at the left, where the curves are low: the GPUs first, then the weights.
    /** @type {(bytes: number, words: string, above: boolean, from?: number) => SVGTextElement} */
    const name = (bytes, words, above, from = LEFT) =>
      text(words, { x: from + 4, y: upward(bytes) + (above ? -4 : 13), class: "halo" });
    /** @type {(cost: number, limit: number, kind: string) => SVGPathElement} */
    const curve = (each, limit, kind) => {
      const places = limit && limit < LONGEST ? [1, limit, LONGEST] : [1, LONGEST];
      const points = places.map((at) => [across(at), upward(each * tokensKept(at, limit))]);
      return svg("path", { class: `curve ${kind}`, d: path(points) });
    };
    const here = demo.get("tokens");
    chart.replaceChildren(
      ...[1e3, 1e6, 1e9, 1e12, 1e15].flatMap((bytes) => [
        level(bytes, "grid"),
        text(size(bytes), { x: LEFT - 4, y: upward(bytes) + 4, class: "end" }),
      ]),
      level(FEWEST, "axis"),
      ...[1, 32, 1024, 32768, LONGEST].map((tokens) =>
        text(grouped(tokens), { x: across(tokens), y: CHART - 5, class: "middle" }),
      ),
      level(24e9, "limit"),
      level(80e9, "limit"),
      level(weights, "limit own", ASIDE),
      ...[0, 1, 2].map((i) => curve(costs[i], 0, KINDS[i])),
      curve(cost, window, "chosen"),
      name(24e9, "24 GB", false),
      name(80e9, "80 GB", true),
      name(weights, "weights", weights > 44e9, ASIDE),
      svg("circle", {
        cx: across(here),
        cy: upward(cost * tokensKept(here, window)),
        r: 6.5,
        class: "chosen",
      }),
    );
  }

  const traits = ["model_name", "tokens", "conversations", "number_bytes", "kept", "window"];
  return demo.watch([...traits, "models", "description"], () => {
    const [tokens, conversations, bytes] = traits.slice(1, 4).map((trait) => demo.get(trait));
    const model = models().find(({ name }) => name === demo.get("model_name")) ?? models()[0];
    /** @type {Record<string, number>} */
    const windows = { published: model.window, none: 0, 4096: 4096 };
    const window = windows[demo.get("window")];
    const alternatives = perToken(model, bytes);
    const kind = KINDS.indexOf(demo.get("kept"));
    const kept = tokensKept(tokens, window);
    const cache = alternatives[kind] * kept * conversations;
    const weights = model.parameters * bytes;
    put(chart, { "aria-label": demo.get("description") });
    const all = alternatives.map((each) => each * conversations);
    drawChart(all, all[kind], window, weights);
    rows.replaceChildren(
      ...NAMES.map((name, i) => {
        const latent = i === 3 && model.latent > 0;
        const cells = [
          latent ? "latent" : String(headsKept(model)[i]),
          size(alternatives[i]),
          size(all[i] * kept),
        ];
        const row = cells.map((cell) => html("td", {}, cell));
        const head = html("th", { scope: "row" }, name);
        return html("tr", { class: i === kind && "chosen" }, head, ...row);
      }),
    );
    source.textContent = `${model.name}: ${model.source}`;
    const ratio = cache / weights;
    demo.publish({ per_token: alternatives[kind], cache, weights, ratio, alternatives });
    const factors = [
      ...(kind === 3 && model.latent
        ? [`${model.layers} layers`, `${model.latent} numbers`]
        : [
            `2 · ${model.layers} layers`,
            `${headsKept(model)[kind]} ${headsKept(model)[kind] > 1 ? "heads" : "head"}`,
            `${model.head_size} numbers`,
          ]),
      bytes > 1 ? `${bytes} bytes` : "1 byte",
      `${grouped(kept)} ${kept < tokens ? "tokens of the window" : kept > 1 ? "tokens" : "token"}`,
      ...(conversations > 1 ? [`${conversations} conversations`] : []),
    ];
    const fit =
      weights + cache <= 24e9
        ? "Both together fit into 24 GB."
        : weights + cache <= 80e9
          ? "Both together fit into 80 GB, not into 24."
          : "Both together do not fit into 80 GB.";
    demo.say(
      [
        `At ${grouped(tokens)} ${tokens > 1 ? "tokens" : "token"} the`,
        conversations > 1
          ? `caches of ${conversations} conversations hold`
          : "cache of one conversation holds",
        `${size(cache)} (${factors.join(" · ")}), ${times(ratio)} the ${size(weights)} of the`,
        "model’s own weights.",
        fit,
        ...(model.context && tokens > model.context
          ? [`The model was made for ${grouped(model.context)} tokens at most.`]
          : []),
      ].join(" "),
    );
  });
}

export default { render };
