// Alignment explorer: the picture, two columns of words with threads between them. Both columns are
// counted in rows, so that a stretched picture between them meets every word.

import { roveIn } from "../frame/controls.js";
import { html, put, svg, word } from "../frame/elements.js";
import { clamp, fixed, scale } from "../frame/math.js";
import { isSure, NOTABLE } from "./words.js";

/** @import { Sentence } from "./words.js" */

const THICKEST = 10; // pixels: a thread of weight 1
const PAST = 0.35; // how visible the threads of earlier steps are, beside those of the step shown
const FULL = 62; // percent of violet behind a word of weight 1: more would make it hard to read
const SHOWN = 0.045; // a smaller weight is not written beside its word when a column is shown
const STRETCH = 1.35; // the shorter sentence is spread out by up to this much
const DENSE = 12; // more words than this stand closer together

/**
 * What is to be seen of a sentence.
 * @typedef {object} Scene
 * @property {Sentence} sentence
 * @property {number[][]} scores
 * @property {number[][]} weights
 * @property {number} now the step that the slider is at
 * @property {number} step the step shown: that one, or the one that the reader looks at
 * @property {number | undefined} column the source word that the reader looks at
 * @property {boolean} gold
 */

/** @typedef {(side: "source" | "target", index: number | null) => void} Look */

/**
 * A button for each word. `look` hears which word is looked at, `press` which is pressed.
 * @param {string[]} words
 * @param {(index: number | null) => void} look
 * @param {(index: number) => void} press
 */
function wordButtons(words, look, press) {
  const buttons = words.map((content, i) => {
    const label = html("span", {}, content);
    const button = html("button", { type: "button", class: "token glide" }, label);
    /** @type {(index: number | null) => (event: PointerEvent) => void} */
    const point = (index) => (event) => {
      if (event.pointerType === "mouse") look(index);
    };
    button.addEventListener("pointerenter", point(i));
    button.addEventListener("pointerleave", point(null));
    button.addEventListener("focus", () => look(i));
    button.addEventListener("blur", () => look(null));
    button.addEventListener("click", () => press(i));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Escape") look(null);
    });
    return button;
  });
  roveIn(buttons.map((button) => [button]));
  return buttons;
}

/**
 * A cell with a bar behind its number.
 * @param {string} kind
 */
function barCell(kind) {
  const bar = html("i", { class: "glide" });
  const number = html("span");
  const cell = html("td", { class: kind }, bar, number);
  return {
    cell,
    /** @type {(from: number, to: number, label: string) => void} */
    show(from, to, label) {
      bar.style.left = `${100 * Math.min(from, to)}%`;
      bar.style.width = `${100 * Math.abs(to - from)}%`;
      number.textContent = label;
    },
  };
}

/**
 * A curve from source word to written word, in the units of a picture that is stretched: across
 * 100, down one a row.
 * @param {number} from
 * @param {number} to
 * @param {string} kind
 * @param {import("../frame/elements.js").Attributes} [more]
 */
const thread = (from, to, kind, more) =>
  svg("path", { d: `M0,${from}C45,${from} 55,${to} 100,${to}`, class: kind, ...more });

/**
 * @param {Look} look
 * @param {(step: number) => void} go
 */
export function makeLoom(look, go) {
  const threads = svg("svg", { class: "threads", role: "img", preserveAspectRatio: "none" });
  const rows = html("tbody");
  const written = html("ol");
  /** @param {string | Node} content */
  const heading = (content) => html("span", { class: "heading" }, content);
  const heads = ["score", word("weight", "weight"), "source"];
  const head = heads.map((name) => html("th", { scope: "col" }, heading(name)));
  const source = html(
    "table",
    { class: "source" },
    html("thead", {}, html("tr", {}, ...head)),
    rows,
  );
  const target = html("div", { class: "target" }, html("p", {}, heading("translation")), written);
  const node = html("div", { class: "loom" }, source, threads, target);
  /** @type {ReturnType<typeof layOut>} */
  let parts;

  /**
   * @param {Sentence} sentence
   * @param {number[][]} scores
   */
  function layOut(sentence, scores) {
    const sides = [sentence.source, sentence.target];
    const longest = Math.max(...sides.map((words) => words.length));
    const pitch = sides.map((words) => clamp(longest / words.length, 1, STRETCH));
    const middle = sides.map((words, side) => words.map((_, i) => (i + 0.5) * pitch[side]));
    const tall = Math.max(...sides.map((words, side) => words.length * pitch[side]));
    const sources = wordButtons(
      sentence.source,
      (index) => look("source", index),
      (index) => look("source", index),
    );
    const targets = wordButtons(sentence.target, (index) => look("target", index), go);
    const bars = sources.map(() => ({ score: barCell("score"), weight: barCell("weight") }));
    rows.replaceChildren(
      ...bars.map(({ score, weight }, j) =>
        html("tr", {}, score.cell, weight.cell, html("th", { scope: "row" }, sources[j])),
      ),
    );
    const shares = targets.map(() => html("span", { class: "share" }));
    written.replaceChildren(...targets.map((token, i) => html("li", {}, shares[i], token)));
    const strange = sentence.target.map((_, i) =>
      sentence.differences.some(([from, to]) => i >= from && i < to),
    );
    targets.forEach((token, i) => {
      token.classList.toggle("strange", strange[i]);
    });
    node.style.setProperty("--rows", String(tall));
    node.classList.toggle("dense", longest > DENSE);
    source.style.setProperty("--pitch", String(pitch[0]));
    written.style.setProperty("--pitch", String(pitch[1]));
    put(threads, { viewBox: `0 0 100 ${tall}` });
    const flat = scores.flat();
    const reach = scale([Math.min(0, ...flat), Math.max(0, ...flat)], [0, 1]);
    node.style.setProperty("--zero", `${100 * reach(0)}%`);
    return { sources, targets, bars, shares, strange, middle, reach };
  }

  /** @param {Scene} scene */
  function drawThreads({ sentence, weights, now, step, column, gold }) {
    const [from, to] = parts.middle;
    /** @type {(i: number, j: number) => boolean} */
    const isStrong = (i, j) => (column === undefined ? i === step : j === column);
    const past = [];
    const strong = [];
    for (const [i, row] of weights.entries()) {
      for (const [j, weight] of row.entries()) {
        const width = { "stroke-width": THICKEST * weight };
        if (isStrong(i, j)) {
          const more = { ...width, "stroke-opacity": 0.3 + 0.6 * weight };
          strong.push(thread(from[j], to[i], "thread strong", more));
        } else if (i <= now && weight >= NOTABLE) {
          past.push(thread(from[j], to[i], "thread", { ...width, "stroke-opacity": PAST }));
        }
      }
    }
    const links = (gold ? sentence.possible : []).map(([j, i]) => {
      const kind = isSure(sentence, j, i) ? "sure" : "possible";
      return thread(from[j], to[i], `gold ${kind}${isStrong(i, j) ? " strong" : ""}`);
    });
    threads.replaceChildren(...past, ...strong, ...links);
  }

  return {
    node,
    /** @type {(sentence: Sentence, scores: number[][]) => void} */
    lay(sentence, scores) {
      parts = layOut(sentence, scores);
    },
    /** Whether a word of the sentence laid out is not in the reference. */
    hasStrange: () => parts.strange.some(Boolean),
    /**
     * @param {Scene} scene
     * @param {string} description
     */
    draw(scene, description) {
      const { sentence, scores, weights, now, step, column } = scene;
      const { sources, targets, bars, shares, strange, reach } = parts;
      /** @type {(token: HTMLElement, weight: number) => void} */
      const tint = (token, weight) => token.style.setProperty("--share", `${FULL * weight}%`);
      put(threads, { "aria-label": description });
      sentence.source.forEach((content, j) => {
        const [score, weight] = [scores[step][j], weights[step][j]];
        bars[j].score.show(reach(0), reach(score), fixed(score, 1));
        bars[j].weight.show(0, weight, fixed(weight, 2));
        tint(sources[j], column === undefined ? weight : 0);
        sources[j].classList.toggle("looked", column === j);
        put(sources[j], { "aria-label": `${content}, source word ${j + 1}` });
      });
      sentence.target.forEach((content, i) => {
        const share = column === undefined ? 0 : weights[i][column];
        tint(targets[i], share);
        shares[i].textContent = share >= SHOWN ? fixed(share, 2) : "";
        const remark = strange[i] ? ", not in the reference" : "";
        put(targets[i], {
          "aria-current": i === now && "step",
          "aria-label": `${content}, written in step ${i + 1}${remark}`,
        });
        targets[i].classList.toggle("looked", column === undefined && i === step);
        targets[i].classList.toggle("later", i > now);
      });
      drawThreads(scene);
    },
  };
}
