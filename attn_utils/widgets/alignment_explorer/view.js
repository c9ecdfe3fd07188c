// Alignment explorer: chapter 4's translator, one written word at a time.

import { button, menu, slider, tick } from "../frame/controls.js";
import { html, indexed, legend, line, put, svg, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, fixed, softmax, sum } from "../frame/math.js";
import { makeLoom } from "./loom.js";
import { isSure, tellColumn, tellStep } from "./words.js";

/** @import { Scene } from "./loom.js" */
/** @import { Sentence } from "./words.js" */

const CELL = 1.1; // rem: a cell of the small matrix, where there is room

/**
 * @param {number[]} query
 * @param {number[]} key
 * @param {number[]} v
 */
const additiveScore = (query, key, v) => sum(v.map((v_a, a) => v_a * Math.tanh(query[a] + key[a])));

/**
 * The formula of the demo.
 * @param {number[][]} queries
 * @param {number[][]} keys
 * @param {number[]} v
 */
function attendTo(queries, keys, v) {
  const scores = queries.map((query) => keys.map((key) => additiveScore(query, key, v)));
  return { scores, weights: scores.map(softmax) };
}

/** A vector travels as one text. @param {string[]} rows */
const numbersOf = (rows) => rows.map((row) => row.split(" ").map(Number));

/**
 * The bars of a query, in a picture that is as high as its largest number.
 * @param {SVGSVGElement} strip
 * @param {number[]} query
 * @param {number} loudest
 */
function drawQuery(strip, query, loudest) {
  put(strip, { viewBox: `0 -1 ${query.length} 2` });
  const bars = query.map((number, a) => {
    const [y, height] = [Math.min(0, -number / loudest), Math.abs(number) / loudest];
    return svg("rect", { class: "glide", x: a + 0.1, width: 0.8, y, height });
  });
  strip.replaceChildren(...bars, line(0, 0, query.length, 0, "axis"));
}

/**
 * The table of the words that a step could have written.
 * @param {HTMLElement} rows
 * @param {Sentence} sentence
 * @param {number} step
 */
function drawCandidates(rows, { candidates, target }, step) {
  const made = candidates[step].map(([candidate, probability]) => {
    const chosen = candidate === target[step];
    const mark = chosen ? [" ", html("small", {}, "written")] : [];
    return html(
      "tr",
      { class: chosen ? "chosen" : "" },
      html("th", { scope: "row" }, candidate, ...mark),
      html("td", {}, probability < 0.0005 ? "< 0.001" : fixed(probability, 3)),
      html(
        "td",
        { class: "track" },
        html("span", { class: "bar glide", style: `width: ${100 * probability}%` }),
      ),
    );
  });
  rows.replaceChildren(...made);
}

/**
 * The weights of all steps: a row for each, a column for each source word.
 * @param {SVGSVGElement} map
 * @param {Scene} scene
 */
function drawMap(map, { sentence, weights, step, column, gold }) {
  const [s, t] = [sentence.source.length, sentence.target.length];
  /** @type {(x: number, y: number, width: number, height: number, kind: string) => SVGElement} */
  const box = (x, y, width, height, kind) => svg("rect", { x, y, width, height, class: kind });
  put(map, {
    viewBox: `0 0 ${s} ${t}`,
    style: `aspect-ratio: ${s} / ${t}; max-width: ${CELL * s}rem`,
    "aria-label": `Weights of all ${t} steps on all ${s} source words`,
  });
  const cells = weights.flatMap((row, i) =>
    row.map((weight, j) => put(box(j, i, 1, 1, "cell"), { "fill-opacity": weight })),
  );
  const links = (gold ? sentence.possible : []).map(([j, i]) =>
    box(j + 0.15, i + 0.15, 0.7, 0.7, isSure(sentence, j, i) ? "sure" : "possible"),
  );
  const here = column === undefined ? box(0, step, s, 1, "here") : box(column, 0, 1, t, "here key");
  map.replaceChildren(box(0, 0, s, t, "ground"), ...cells, ...links, here);
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const [query, key] = [word("s", "query"), word("h", "key")];
  const demo = frame(view, {
    title: "Alignment explorer",
    formula: [
      [
        ...["score ", indexed("a", "i"), " = v · tanh(", indexed("W", "q"), " ", query, " + "],
        ...[indexed("W", "k"), " ", indexed(key, "i"), ")"],
      ],
      [word("weights", "weight"), " = softmax(a)"],
    ],
  });

  // The sentence shown and its numbers, computed once for each.
  /**
   * @typedef {object} Known
   * @property {Sentence} sentence
   * @property {number[][]} queries
   * @property {number[][]} scores
   * @property {number[][]} weights
   */
  /** @type {WeakMap<object, Known & { v: number[] }>} */
  const known = new WeakMap();
  /** @returns {Known} */
  function current() {
    const sentences = demo.get("sentences");
    const v = demo.get("v");
    const sentence = sentences[clamp(demo.get("sentence"), 0, sentences.length - 1)];
    let found = known.get(sentence);
    if (found?.v !== v) {
      const [queries, keys] = [numbersOf(sentence.queries), numbersOf(sentence.keys)];
      found = { v, sentence, queries, ...attendTo(queries, keys, v) };
      known.set(sentence, found);
    }
    return /** @type {Known} */ (found);
  }
  const lastStep = () => current().sentence.target.length - 1;
  const atStep = () => clamp(demo.get("step"), 0, lastStep());
  /** @param {number} step */
  const go = (step) => demo.set({ step: clamp(step, 0, lastStep()) });

  /** @returns {string[]} */
  const labels = () => demo.get("sentences").map((/** @type {Sentence} */ { label }) => label);
  menu(demo, {
    label: "sentence",
    options: () => labels().map((label, i) => [i, label]),
    chosen: () => demo.get("sentence"),
    choose: (sentence) => demo.set({ step: 0, sentence: Number(sentence) }),
  });
  slider(demo, {
    label: "step",
    min: 0,
    max: lastStep,
    step: 1,
    position: atStep,
    move: go,
    show: () => `${atStep() + 1} of ${lastStep() + 1}`,
  });
  const buttons = html("div", { class: "steps low" });
  const back = button(demo, "Previous", () => go(atStep() - 1), buttons);
  const forth = button(demo, "Next", () => go(atStep() + 1), buttons);
  demo.controls.append(buttons);
  tick(demo, { label: "gold links", trait: "gold" });

  demo.pictures.classList.add("weave");
  const strip = svg("svg", { class: "strip", role: "img", preserveAspectRatio: "none" });
  const length = html("span");
  const queryName = [
    word("Query", "query"),
    ": the ",
    length,
    " numbers of ",
    indexed("W", "q"),
    " s",
  ];
  panel(demo, queryName, strip).classList.add("strips");

  /** @type {{ source?: number, target?: number }} the word that the reader looks at, if any */
  let looked = {};
  /** @type {import("./loom.js").Look} */
  const look = (side, index) => {
    looked = index === null ? {} : { [side]: index };
    draw();
  };
  demo.root.addEventListener("pointerdown", (event) => {
    const onWord = /** @type {Element} */ (event.target).closest(".token");
    if (!onWord && looked.source !== undefined) look("source", null);
  });
  const loom = makeLoom(look, go);
  const reference = html("p", { class: "reference" });
  const signs = html("div");
  const pointing =
    "Point at a source word to see which steps look at it, at a written word to see its step";
  const keyboard =
    "Keyboard: Tab reaches a column of words, the arrow keys move in it. " +
    "Enter on a written word goes to its step.";
  const hint = html("p", { class: "hint" }, keyboard);
  panel(demo, [pointing], loom.node, signs, reference, hint).classList.add("looms");

  const choice = html("tbody");
  const heads = ["word", "probability"].map((name) => html("th", { scope: "col" }, name));
  const head = html("thead", {}, html("tr", {}, ...heads, html("td")));
  panel(
    demo,
    ["Words to choose from"],
    html("table", { class: "choice" }, head, choice),
  ).classList.add("choices");
  const map = svg("svg", { class: "map", role: "img", preserveAspectRatio: "none" });
  const mapName = [
    word("Weights", "weight"),
    " of all steps: a row for each, a column for each source word",
  ];
  panel(demo, mapName, map).classList.add("maps");

  /** @type {Known | undefined} */
  let shown;
  let loudest = 1;
  /** Forgets the word that was looked at in another sentence. @param {Known} known */
  function layOut({ sentence, queries, scores }) {
    looked = {};
    loom.lay(sentence, scores);
    const differs = sentence.differences.length > 0;
    reference.textContent = differs ? `Reference: ${sentence.reference.join(" ")}` : "";
    loudest = Math.max(...queries.flat().map(Math.abs), 1e-9);
  }

  function draw() {
    const known = current();
    if (shown !== known) layOut(known);
    shown = known;
    const { sentence, queries, scores, weights } = known;
    const now = atStep();
    const step = looked.target ?? now;
    const column = looked.source;
    const gold = demo.get("gold");
    /** @type {Scene} */
    const scene = { sentence, scores, weights, now, step, column, gold };

    put(back, { "aria-disabled": String(now === 0) });
    put(forth, { "aria-disabled": String(now === lastStep()) });
    loom.draw(scene, demo.get("description"));
    drawMap(map, scene);
    length.textContent = String(queries[step].length);
    const told = `The query of step ${step + 1}, ${queries[step].length} numbers as bars`;
    put(strip, { "aria-label": told });
    drawQuery(strip, queries[step], loudest);
    drawCandidates(choice, sentence, step);
    /** @type {[string, string, string][]} */
    const entries = [["", "var(--d-weight)", "weight"]];
    if (gold && sentence.possible.length) {
      entries.push(["dashed", "var(--ink)", "gold link, sure"]);
      entries.push(["dotted", "var(--ink)", "gold link, possible"]);
    }
    if (loom.hasStrange()) entries.push(["wavy", "var(--ink)", "not in the reference"]);
    signs.replaceChildren(legend(entries));

    demo.publish({ scores: scores[now], weights: weights[now], all_weights: weights });
    demo.say(
      column === undefined
        ? tellStep(sentence, weights[step], step, gold)
        : tellColumn(
            sentence,
            weights.map((row) => row[column]),
            column,
            gold,
          ),
    );
  }
  return demo.watch(["sentence", "step", "gold", "sentences", "v", "description"], draw);
}

export default { render };
