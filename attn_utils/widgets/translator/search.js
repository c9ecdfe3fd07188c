// What a translator writes, word by word: the best word at each step, or the best of four
// beginnings.

import { END, START } from "./model.js";

/** @import { Cache, Model } from "./model.js" */

const NEVER = [0, START]; // fills batches up, and what is read first: not to be written
const BEAM = 4;
const LENGTH_PENALTY = 0.6;

/**
 * What a search found: words with the end if there is one, the sum of their log-probabilities, and
 * for each the mean of all heads of cross-attention in the step that wrote it.
 * @typedef {{ tokens: number[], logP: number, rows: number[][] }} Written
 */
/** @typedef {Written & { cache: Cache }} Path */

/** At most so many words are written. @param {number[]} source */
const limit = (source) => 2 * source.length + 10;

/** The mean of all heads of all layers. @param {number[][][]} weights */
function meanOfHeads(weights) {
  const rows = weights.flat();
  return rows[0].map((_, j) => rows.reduce((total, row) => total + row[j], 0) / rows.length);
}

/** @param {number[]} logits */
function logSoftmax(logits) {
  const top = Math.max(...logits);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - top);
  const logTotal = Math.log(total);
  const logP = logits.map((logit) => logit - top - logTotal);
  for (const word of NEVER) logP[word] = -Infinity;
  return logP;
}

/** @type {(model: Model, source: number[]) => Written} */
export function greedy(model, source) {
  let { memory, cache } = model.start(source);
  /** @type {Written} */
  const written = { tokens: [], logP: 0, rows: [] };
  let word = START;
  while (word !== END && written.tokens.length < limit(source)) {
    const next = model.step(word, memory, cache);
    const logP = logSoftmax(model.logits(next.state));
    word = logP.indexOf(Math.max(...logP));
    cache = next.cache;
    written.tokens.push(word);
    written.logP += logP[word];
    written.rows.push(meanOfHeads(next.weights));
  }
  return written;
}

/**
 * The best beginnings are followed side by side, until none can beat the best that has ended.
 *
 * @type {(model: Model, source: number[]) => Written}
 */
export function beamSearch(model, source) {
  const { memory, cache } = model.start(source);
  /** @param {number} length */
  const divisor = (length) => ((5 + length) / 6) ** LENGTH_PENALTY;
  /** @type {Path[]} */
  let live = [{ tokens: [], logP: 0, rows: [], cache }];
  /** @type {Written | undefined} */
  let best;
  let score = -Infinity;
  for (let length = 1; ; length++) {
    const candidates = live.flatMap((path) => {
      const next = model.step(path.tokens.at(-1) ?? START, memory, path.cache);
      const row = meanOfHeads(next.weights);
      return logSoftmax(model.logits(next.state))
        .map((logP, word) => ({ logP: path.logP + logP, word, path, row, cache: next.cache }))
        .sort((a, b) => b.logP - a.logP)
        .slice(0, 2 * BEAM);
    });
    const paths = candidates
      .sort((a, b) => b.logP - a.logP)
      .slice(0, 2 * BEAM)
      .map(({ logP, word, path, row, cache: kept }) => ({
        tokens: [...path.tokens, word],
        logP,
        rows: [...path.rows, row],
        cache: kept,
      }));
    const ended = paths.slice(0, BEAM).find(({ tokens }) => tokens.at(-1) === END);
    if (ended && ended.logP / divisor(length) > score) {
      best = ended;
      score = ended.logP / divisor(length);
    }
    live = paths.filter(({ tokens }) => tokens.at(-1) !== END).slice(0, BEAM);
    if (length >= limit(source)) return best ?? live[0];
    if (best && score >= live[0].logP / divisor(limit(source))) return best;
  }
}

/**
 * The rows of a map for words that are known: each word is read in its turn.
 *
 * @type {(model: Model, source: number[], target: number[]) => number[][]}
 */
export function forced(model, source, target) {
  let { memory, cache } = model.start(source);
  return [START, ...target].map((word) => {
    const next = model.step(word, memory, cache);
    cache = next.cache;
    return meanOfHeads(next.weights);
  });
}
