// Transformer explorer: every head of a trained encoder–decoder, one written word at a time.

import { button, menu, roveIn, slider, tick } from "../frame/controls.js";
import { html, legend, put, svg, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, fixed, mean } from "../frame/math.js";
import { choice } from "../look_from_a_pixel/choice.js";
import { drawMap, makeSheet, rowsShown, seenFrom } from "./maps.js";
import { isReference, KINDS, nameWeights, START, tellRow, topOf } from "./words.js";

/** @import { Scene } from "./maps.js" */
/** @import { Head, Kind, Sentence } from "./words.js" */

/** @typedef {Sentence & { label: string } & Record<Kind, string[][]>} Run as it travels */

/** @type {(run: Run, kind: Kind) => string[]} */
const keysOf = (run, kind) =>
  kind === "decoder" ? [START, ...run.target.slice(0, -1)] : run.source;
/** @type {(run: Run, kind: Kind) => string[]} */
const queriesOf = (run, kind) => (kind === "encoder" ? run.source : run.target);

/**
 * The weights of a kind, by layer and head: a text holds thousandths, row by row, in the decoder
 * without what a row cannot see.
 * @param {Run} run
 * @param {Kind} kind
 */
function unpack(run, kind) {
  const [q, k] = [queriesOf(run, kind).length, keysOf(run, kind).length];
  return run[kind].map((layer) =>
    layer.map((text) => {
      const numbers = text.split(" ").map((thousandths) => Number(thousandths) / 1000);
      let at = 0;
      return Array.from({ length: q }, (_, i) => {
        const seen = kind === "decoder" ? i + 1 : k;
        at += seen;
        return [...numbers.slice(at - seen, at), ...Array.from({ length: k - seen }, () => 0)];
      });
    }),
  );
}

/** The mean of maps, cell by cell. @param {number[][][]} maps */
const meanOf = (maps) =>
  maps[0].map((row, i) => row.map((_, j) => mean(maps.map((map) => map[i][j]))));

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Transformer explorer",
    formula: [
      [
        ...[word("weights", "weight"), " of a head = softmax("],
        ...[word("q", "query"), " · ", word("k", "key"), " / √f)"],
      ],
    ],
  });

  /** @type {WeakMap<Run, Partial<Record<Kind, number[][][][]>>>} */
  const unpacked = new WeakMap();
  /** What is to be seen, read from the model. */
  function current() {
    /** @type {Run[]} */
    const runs = demo.get("sentences");
    const run = runs[clamp(demo.get("sentence"), 0, runs.length - 1)];
    /** @type {Kind} */
    const kind = demo.get("kind");
    const known = unpacked.get(run) ?? {};
    unpacked.set(run, known);
    known[kind] ??= unpack(run, kind);
    const every = known[kind];
    const [layers, heads] = [every.length, every[0].length];
    const layer = clamp(demo.get("layer"), 0, layers - 1);
    /** @type {Head} */
    let head = demo.get("head");
    if (head === "all" && kind !== "cross") head = "mean";
    const ofLayer = every[layer];
    const shown = head === "all" ? every.flat() : ofLayer;
    const weights = typeof head === "number" ? ofLayer[head] : meanOf(shown);
    const [queries, keys] = [queriesOf(run, kind), keysOf(run, kind)];
    const step = clamp(demo.get("step"), 0, queries.length - 1);
    return { run, kind, layers, heads, layer, head, ofLayer, weights, queries, keys, step };
  }
  const last = () => current().queries.length - 1;
  const atStep = () => current().step;
  /** @param {number} step */
  const go = (step) => demo.set({ step: clamp(step, 0, last()) });

  menu(demo, {
    label: "sentence",
    options: () =>
      demo
        .get("sentences")
        .map((/** @type {Run} */ { label }, /** @type {number} */ i) => [i, label]),
    chosen: () => demo.get("sentence"),
    choose: (sentence) => demo.set({ step: 0, sentence: Number(sentence) }),
  });
  choice(demo, {
    label: "attention",
    options: () => Object.keys(KINDS),
    chosen: () => demo.get("kind"),
    choose: (kind) => demo.set({ kind }),
  });
  menu(demo, {
    label: "layer",
    options: () => Array.from({ length: current().layers }, (_, i) => [i, String(i + 1)]),
    chosen: () => demo.get("layer"),
    choose: (layer) => demo.set({ layer: Number(layer) }),
  });
  menu(demo, {
    label: "head",
    options: () => {
      const { kind, heads } = current();
      /** @type {[string | number, string][]} */
      const each = Array.from({ length: heads }, (_, h) => [h, String(h + 1)]);
      each.push(["mean", "mean of the layer"]);
      if (kind === "cross") each.push(["all", "mean of all layers"]);
      return each;
    },
    chosen: () => current().head,
    choose: (head) => demo.set({ head: head === "mean" || head === "all" ? head : Number(head) }),
  });
  const stepper = slider(demo, {
    label: "step",
    min: 0,
    max: last,
    step: 1,
    position: atStep,
    move: go,
    show: () => `${atStep() + 1} of ${last() + 1}`,
  });
  const stepName = /** @type {HTMLElement} */ (stepper.parentElement?.querySelector(".word"));
  const buttons = html("div", { class: "steps" });
  const back = button(demo, "Previous", () => go(atStep() - 1), buttons);
  const forth = button(demo, "Next", () => go(atStep() + 1), buttons);
  demo.controls.append(buttons);
  tick(demo, { label: "gold links in cross-attention", trait: "gold" });

  demo.pictures.classList.add("looks");
  const small = html("div", { class: "smalls", role: "group", "aria-label": "heads of the layer" });
  const heading = html("span");
  panel(demo, [heading], small).classList.add("whole");
  const sheet = makeSheet(go);
  const caption = html("span");
  const signs = html("div");
  panel(demo, [caption], sheet.node, signs);
  const asks = html("span");
  const rows = html("tbody");
  const columns = ["", "weight", ""].map((name) =>
    html(name ? "th" : "td", name ? { scope: "col" } : {}, name),
  );
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...columns)), rows);
  const written = html("p", { class: "so-far" });
  const room = html("div", { class: "row-table" }, table);
  panel(demo, [asks], room, written);

  /** @type {{ tile: HTMLButtonElement, map: SVGSVGElement }[]} */
  let tiles = [];
  /** @param {number} heads */
  function layOut(heads) {
    tiles = Array.from({ length: heads }, (_, h) => {
      const map = svg("svg", { class: "atlas", "aria-hidden": true, preserveAspectRatio: "none" });
      const tile = html(
        "button",
        { type: "button", class: "tile" },
        map,
        html("span", {}, `head ${h + 1}`),
      );
      tile.addEventListener("click", () => demo.set({ head: h }));
      return { tile, map };
    });
    roveIn([tiles.map(({ tile }) => tile)]);
    small.replaceChildren(...tiles.map(({ tile }) => tile));
  }

  /** The captions: who asks, who is looked at. @param {Scene & { name: string }} scene */
  function write({ kind, queries, keys, step, name }) {
    const inEncoder = kind === "encoder";
    const asking = word(inEncoder ? "source word that asks" : "word being written", "query");
    const looked = {
      encoder: word("source word", "key"),
      decoder: word("word read before", "key"),
      cross: word("source word", "key"),
    }[kind];
    caption.replaceChildren(
      html("strong", {}, name),
      ": a row for each ",
      asking,
      ", a column for each ",
      looked,
    );
    const subject = word(`“${queries[step]}”`, "query");
    asks.replaceChildren(
      ...(inEncoder ? ["From ", subject] : ["To write ", subject]),
      ": its ",
      word("weights", "weight"),
      kind === "decoder" ? " on what has been read" : " on the source",
    );
    stepName.textContent = inEncoder ? "word that asks" : "step";
    put(stepper, { "aria-label": stepName.textContent });
    return keys;
  }

  /**
   * The row as a table: words, numbers, bars.
   *
   * @type {(words: string[], weights: number[]) => void}
   */
  function drawRow(words, weights) {
    const made = weights.map((weight, j) =>
      html(
        "tr",
        {},
        html("th", { scope: "row" }, html("span", { class: "looked-at" }, words[j])),
        html("td", {}, fixed(weight, 2)),
        html(
          "td",
          { class: "track" },
          html("span", { class: "bar glide", style: `width: ${100 * weight}%` }),
        ),
      ),
    );
    rows.replaceChildren(...made);
  }

  /** The sentence so far. @type {(run: Run, kind: Kind, step: number) => void} */
  function drawWritten(run, kind, step) {
    const now = html("strong", {}, word(run.target[step] ?? "", "query"));
    const before = run.target.slice(0, step).join(" ");
    const soFar = kind === "encoder" ? [] : [`Written so far: ${before} `, now];
    const other =
      kind === "encoder" || isReference(run)
        ? []
        : [html("span", {}, `Reference: ${run.reference.join(" ")}`)];
    written.replaceChildren(html("span", {}, ...soFar), ...other);
  }

  function draw() {
    const found = current();
    const { run, kind, layer, head, heads, ofLayer, weights, queries, keys, step } = found;
    const gold = demo.get("gold");
    const name = nameWeights(found);
    /** @type {Scene} */
    const scene = { kind, sentence: run, queries, keys, step, gold };
    if (tiles.length !== heads) layOut(heads);
    heading.textContent = `The ${heads} heads of layer ${layer + 1}: choose one to see it enlarged`;
    tiles.forEach(({ tile, map }, h) => {
      const row = ofLayer[h][step].slice(0, seenFrom(scene, step));
      put(tile, {
        "aria-pressed": String(head === h),
        "aria-label": `head ${h + 1}, most at ${topOf(keys, row)}`,
      });
      map.style.aspectRatio = `${keys.length} / ${queries.length}`;
      drawMap(map, ofLayer[h], scene);
    });
    put(back, { "aria-disabled": String(step === 0) });
    put(forth, { "aria-disabled": String(step === queries.length - 1) });
    write({ ...scene, name });
    sheet.draw(weights, scene, demo.get("description"));
    const row = weights[step].slice(0, seenFrom(scene, step));
    room.style.setProperty("--most", String(Math.max(run.source.length, run.target.length)));
    drawRow(keys, row);
    drawWritten(run, kind, step);
    const golden = gold && kind === "cross" && run.possible.some(([, i]) => i < rowsShown(scene));
    /** @type {[string, string, string][]} */
    const entries = [
      ["row", "var(--d-query)", kind === "encoder" ? "the word that asks" : "this step"],
    ];
    if (golden)
      entries.push(
        ["sure", "var(--ink)", "gold link, sure"],
        ["possible", "var(--ink)", "gold link, possible"],
      );
    signs.replaceChildren(legend(entries));
    demo.publish({ head_weights: ofLayer, weights, row: weights[step] });
    demo.say(tellRow({ name, kind, sentence: run, queries, keys, weights: row, step, gold }));
  }
  return demo.watch(
    ["sentence", "kind", "layer", "head", "step", "gold", "sentences", "description"],
    draw,
  );
}

export default { render };
