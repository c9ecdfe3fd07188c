// Translator: its switches, and what a bug costs over the stored sentences.

import { END } from "./model.js";
import { forced, greedy } from "./search.js";

/** @import { Model } from "./model.js" */

const AT_ONCE = 12; // milliseconds of counting before the page may breathe

/**
 * The bugs that are clearly to be seen, and the kind of test that catches each.
 * @type {Record<string, { label: string, test: string }>}
 */
export const BUGS = {
  none: { label: "none", test: "" },
  "position 0": {
    label: "decoder at position 0 in each step",
    test: "steps with a cache give what the whole sentence gives at once",
  },
  "no positions": {
    label: "no positions",
    test: "two words exchanged change more than their order",
  },
  view: {
    label: "heads split by view, without transposing",
    test: "a head of one token depends on that token alone",
  },
  "over queries": {
    label: "softmax over the queries",
    test: "the weights of each query sum to 1",
  },
  "no residual": {
    label: "no residual",
    test: "a layer whose parts find nothing leaves the token as it is",
  },
  "no norm": {
    label: "no layer norm",
    test: "a layer equals PyTorch’s with the same weights",
  },
  "reversed heads": {
    label: "heads merged in reverse order",
    test: "merging undoes splitting",
  },
  "only now": {
    label: "cache keeps the current word alone",
    test: "steps with a cache give what the whole sentence gives at once",
  },
  swapped: {
    label: "cross-attention: keys and values swapped",
    test: "values that are all alike come out as they are",
  },
  "no root d": {
    label: "embeddings not times √d",
    test: "an embedded word is as large as its position",
  },
  "one row off": {
    label: "map read one row off",
    test: "the alignment error rate against gold links, on a few sentences",
  },
};

/** @typedef {{ source: string, target: string, sure: number[][], possible: number[][] }} Gold */
/** @typedef {{ exact: number, of: number, AER: number }} Score */

/**
 * The rows of the map as they are read: with a certain bug each word gets that of the next step.
 *
 * @type {(rows: number[][], bug: string) => number[][]}
 */
export const readRows = (rows, bug) =>
  bug === "one row off" ? [...rows.slice(1), rows[0].map(() => 0)] : rows;

/**
 * Translate the stored sentences, a few at a time. `go` says after each whether to go on.
 * @param {Model} model
 * @param {string} bug
 * @param {Gold[]} sentences
 * @param {{ source: Map<string, number>, target: Map<string, number> }} numbers
 * @param {(done: number) => boolean} go
 * @returns {Promise<Score | undefined>}
 */
export async function score(model, bug, sentences, numbers, go) {
  let [exact, links, sureLinks, hits] = [0, 0, 0, 0];
  let since = performance.now();
  for (const [done, { source, target, sure, possible }] of sentences.entries()) {
    if (performance.now() - since > AT_ONCE) {
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
    if (!go(done)) return undefined;
    const words = source.split(" ").map((word) => numbers.source.get(word) ?? 0);
    const reference = target.split(" ").map((word) => numbers.target.get(word) ?? 0);
    const written = greedy(model, words);
    const right = written.tokens.join() === [...reference, END].join();
    exact += Number(right);
    const rows = readRows(right ? written.rows : forced(model, words, reference), bug);
    sureLinks += sure.length;
    reference.forEach((_, j) => {
      const most = Math.max(...rows[j]);
      if (!(most > 0)) return;
      const i = rows[j].indexOf(most);
      const isIn = (/** @type {number[][]} */ gold) => gold.some(([k, l]) => k === i && l === j);
      links += 1;
      hits += Number(isIn(sure)) + Number(isIn(possible));
    });
  }
  return { exact, of: sentences.length, AER: 1 - hits / (links + sureLinks) };
}
