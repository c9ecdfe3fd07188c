// The merging itself: block after block, as the library never does it (it masks and starts anew).

import { sum } from "../frame/math.js";

/** @typedef {{ maximum: number, total: number, numerator: number[] }} Part of an answer */

/** @type {Part} */
export const NOTHING = { maximum: -Infinity, total: 0, numerator: [0, 0] };

/**
 * What is known of a block alone.
 * @param {number[]} scores
 * @param {number[][]} values
 * @returns {Part}
 */
export function partial(scores, values) {
  const maximum = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - maximum));
  const numerator = [0, 1].map((f) => sum(powers.map((power, j) => power * values[j][f])));
  return { maximum, total: sum(powers), numerator };
}

/**
 * Two parts as one, each brought to the larger maximum.
 * @param {Part} old
 * @param {Part} block
 */
export function merge(old, block) {
  const maximum = Math.max(old.maximum, block.maximum);
  const oldFactor = Math.exp(old.maximum - maximum);
  const newFactor = Math.exp(block.maximum - maximum);
  return {
    maximum,
    total: oldFactor * old.total + newFactor * block.total,
    numerator: [0, 1].map((f) => oldFactor * old.numerator[f] + newFactor * block.numerator[f]),
    oldFactor,
    newFactor,
  };
}

/**
 * Two parts added as if they had the same maximum.
 * @param {Part} old
 * @param {Part} block
 */
export const addOnly = (old, block) => ({
  maximum: Math.max(old.maximum, block.maximum),
  total: old.total + block.total,
  numerator: [0, 1].map((f) => old.numerator[f] + block.numerator[f]),
});

/** @param {Part} part */
export const outputOf = ({ total, numerator }) => numerator.map((number) => number / total);

/**
 * The sum of exponentials in float32 without a maximum: it may be infinite, or 0.
 * @param {number[]} scores
 */
export const naiveTotal = (scores) =>
  scores.reduce((total, score) => Math.fround(total + Math.fround(Math.exp(score))), 0);

/**
 * Whether float32 gives a finite output without a maximum.
 * @param {number[]} scores
 * @param {number[][]} values
 */
export function naiveWorks(scores, values) {
  const powers = scores.map((score) => Math.fround(Math.exp(score)));
  const tops = [0, 1].map((f) =>
    powers.reduce((all, power, j) => Math.fround(all + Math.fround(power * values[j][f])), 0),
  );
  return tops.every((top) => Number.isFinite(Math.fround(top / naiveTotal(scores))));
}

/**
 * The numbers of the blocks in the order in which they are merged, each once.
 * @param {number[]} order
 * @param {number} count of blocks
 */
export function allBlocks(order, count) {
  const named = order.filter((block) => block < count);
  const others = Array.from({ length: count }, (_, block) => block);
  return [...named, ...others.filter((block) => !named.includes(block))];
}

/**
 * All steps of a merging.
 * @param {number[]} scores
 * @param {number[][]} values
 * @param {number[]} blocks in the order of merging
 * @param {number} size of a block
 */
export function mergeAll(scores, values, blocks, size) {
  /** @type {Part} */
  let old = NOTHING;
  /** @type {Part} */
  let wrong = NOTHING;
  return blocks.map((number, i) => {
    const from = number * size;
    const block = partial(scores.slice(from, from + size), values.slice(from, from + size));
    const before = old;
    const after = merge(old, block);
    old = after;
    wrong = addOnly(wrong, block);
    const keys = blocks
      .slice(0, i + 1)
      .flatMap((b) => Array.from({ length: size }, (_, j) => b * size + j));
    const [output, wrongOutput] = [outputOf(after), outputOf(wrong)];
    const error = Math.hypot(wrongOutput[0] - output[0], wrongOutput[1] - output[1]);
    const seen = keys.map((j) => scores[j]);
    const naive = naiveWorks(
      seen,
      keys.map((j) => values[j]),
    );
    return { before, block, after, keys, output, wrongOutput, error, naive };
  });
}
