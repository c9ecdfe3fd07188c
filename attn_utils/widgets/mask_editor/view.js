// Mask editor: chapter 3's masked softmax, cell by cell.

import { roveIn, tick } from "../frame/controls.js";
import { html, put, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, fixed, listed, softmax, sum } from "../frame/math.js";

const NAIVE_FILL = -1e6; // as in widget.py
/** @typedef {"length" | "causal" | "hand"} Reason */
/** @type {Record<Reason, string>} */
const WHY = {
  length: "beyond the valid length",
  causal: "later than the query",
  hand: "masked by hand",
};
const FULL = 62; // percent of violet in a cell of weight 1: more would hide its figures

/**
 * @typedef {object} State
 * @property {number[][]} scores
 * @property {number[]} lengths
 * @property {boolean} causal
 * @property {number[][]} blocked
 * @property {boolean} naive
 */

/** Readers count from 1. @param {number} i */
const ith = (i) => i + 1;

/**
 * Why a cell is closed: a list, empty if the query may attend to the key.
 * @param {State} state
 * @param {number} i
 * @param {number} j
 */
function reasons({ lengths, causal, blocked, scores }, i, j) {
  const shift = scores[0].length - scores.length; // the last query sees the last key
  /** @type {Reason[]} */
  const found = [];
  if (j >= lengths[i]) found.push("length");
  if (causal && j > i + shift) found.push("causal");
  if (blocked[i][j]) found.push("hand");
  return found;
}

/**
 * The formula of the demo.
 * @param {State} state
 */
function maskAndWeigh(state) {
  const { scores } = state;
  const mask = scores.map((row, i) => row.map((_, j) => reasons(state, i, j).length === 0));
  /** @param {number} fill */
  const filled = (fill) =>
    scores.map((row, i) => softmax(row.map((score, j) => (mask[i][j] ? score : fill))));
  return { mask, weights: filled(-Infinity), naive_weights: filled(NAIVE_FILL) };
}

/**
 * @param {boolean} naive
 * @param {boolean[][]} mask
 */
function describe(naive, mask) {
  const open = sum(mask.flat().map(Number));
  const empty = mask.flatMap((row, i) => (row.some(Boolean) ? [] : [ith(i)]));
  const many = empty.length > 1;
  const rows = many ? `Queries ${listed(empty)} have` : `Query ${empty[0]} has`;
  const get = many ? "these rows get" : "this row gets";
  const found = `${open} of ${mask.flat().length} cells are open.`;
  if (!empty.length) {
    return `${found} Every query has something to attend to, and its weights sum to 1.`;
  }
  const told = `${found} ${rows} nothing to attend to`;
  return naive
    ? `${told}, yet with −10⁶ in place of −∞ ${get} equal weights: an average over masked keys.`
    : `${told}: ${get} weights 0 and output 0, not an average over masked keys.`;
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Mask editor",
    formula: [
      ["mask = length mask & causal mask & your clicks"],
      [word("weights", "weight"), " = masked_softmax(scores, mask)"],
    ],
  });
  /** @returns {State} */
  const state = () => ({
    scores: demo.get("scores"),
    lengths: demo.get("lengths"),
    causal: demo.get("causal"),
    blocked: demo.get("blocked"),
    naive: demo.get("naive"),
  });
  tick(demo, { label: "causal: no query sees a later key", trait: "causal" });
  tick(demo, { label: "compare: fill with −10⁶ instead", trait: "naive" });

  const { scores } = state();
  const numKeys = scores[0].length;
  /** @type {(last: string) => HTMLElement} */
  const head = (last) => {
    const keys = scores[0].map((_, j) => word(`k${"₁₂₃₄₅₆₇₈₉"[j]}`, "key"));
    const cells = [...keys, last].map((name) => html("th", { scope: "col" }, name));
    return html("thead", {}, html("tr", {}, html("td"), ...cells));
  };
  /** @param {number} i */
  const queryHead = (i) => html("th", { scope: "row" }, word(`q${"₁₂₃₄₅₆₇₈₉"[i]}`, "query"));

  // Left: the scores. Each is a button that masks or opens its cell.
  const cells = scores.map((row, i) =>
    row.map((_, j) => {
      const cell = html("button", { type: "button", class: "cell" });
      cell.addEventListener("click", () => {
        const blocked = state().blocked.map((old) => [...old]);
        blocked[i][j] = 1 - blocked[i][j];
        demo.set({ blocked });
      });
      return cell;
    }),
  );
  roveIn(cells);
  const lengths = scores.map((_, i) => {
    const label = `valid length of query ${ith(i)}`;
    const input = html("input", {
      type: "number",
      min: 0,
      max: numKeys,
      step: 1,
      "aria-label": label,
    });
    input.addEventListener("input", () => {
      if (!/^\d+$/.test(input.value)) return; // half-typed; the picture waits
      const values = [...state().lengths];
      values[i] = clamp(Number(input.value), 0, numKeys);
      demo.set({ lengths: values });
    });
    input.addEventListener("change", () => {
      input.value = String(state().lengths[i]);
    });
    return input;
  });
  const table = scores.map((_, i) => {
    const row = [...cells[i], lengths[i]].map((content) => html("td", {}, content));
    return html("tr", {}, queryHead(i), ...row);
  });
  const samples = Object.entries(WHY).map(([kind, words]) =>
    html("span", {}, html("b", { class: `sample ${kind}` }), words),
  );
  panel(
    demo,
    ["Scores: click one to mask or open it"],
    html("table", { class: "matrix" }, head("length"), html("tbody", {}, ...table)),
    html("p", { class: "legend" }, ...samples),
    html(
      "p",
      { class: "hint" },
      "Keyboard: arrow keys, Home and End move among the cells, Space masks or opens one.",
    ),
  );

  // Right: the weights that are left.
  const shares = scores.map((row) => row.map(() => html("td")));
  const totals = scores.map(() => html("td"));
  const rows = scores.map((_, i) => html("tr", {}, queryHead(i), ...shares[i], totals[i]));
  const heading = html("span");
  panel(
    demo,
    [heading],
    html(
      "table",
      { class: "matrix weights", "aria-label": demo.get("description") },
      head("sum"),
      html("tbody", {}, ...rows),
    ),
  );

  /** @type {(now: State, i: number, j: number) => void} */
  function drawScore(now, i, j) {
    const why = reasons(now, i, j);
    const told = why.map((kind) => WHY[kind]);
    const score = fixed(now.scores[i][j], 1);
    const cell = cells[i][j];
    cell.textContent = score;
    cell.className = ["cell", ...why].join(" ");
    const place = `query ${ith(i)}, key ${ith(j)}, score ${score}`;
    put(cell, {
      "aria-label": `${place}: ${told.length ? listed(told) : "open"}`,
      "aria-pressed": String(Boolean(now.blocked[i][j])),
      title: told.join(", ") || null,
    });
  }

  const traits = ["scores", "lengths", "causal", "blocked", "naive", "description"];
  return demo.watch(traits, () => {
    const now = state();
    const numbers = maskAndWeigh(now);
    const weights = now.naive ? numbers.naive_weights : numbers.weights;
    const kind = now.naive ? " with −10⁶ in masked cells" : " that the library gives";
    heading.replaceChildren(word("Weights", "weight"), kind);
    now.scores.forEach((row, i) => {
      const length = lengths[i];
      const typing = document.activeElement === length; // "03" stays as it is while it is typed
      if (!typing || Number(length.value) !== now.lengths[i]) length.value = String(now.lengths[i]);
      row.forEach((_, j) => {
        drawScore(now, i, j);
        const share = weights[i][j];
        const cell = shares[i][j];
        cell.textContent = share === 0 ? "0" : fixed(share, 2);
        cell.className = share === 0 ? "zero glide" : "glide";
        cell.style.setProperty("--share", `${FULL * share}%`);
      });
      totals[i].textContent = fixed(sum(weights[i]), 0);
      rows[i].className = numbers.mask[i].some(Boolean) ? "" : "empty";
    });
    demo.publish(numbers);
    demo.say(describe(now.naive, numbers.mask));
  });
}

export default { render };
