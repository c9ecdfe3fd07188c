// The axes of a plot: where its numbers are in the picture, with grid lines and labels.

import { line, text } from "./elements.js";
import { minus, scale } from "./math.js";

/** How far the labels of the upright axis are from the plot. */
const GAP = 6;
/** From a grid line down to the foot of its label, which then stands at the height of the line. */
const MIDDLE = 4;

/**
 * @typedef {object} Axis
 * @property {[number, number]} domain the numbers at its two ends
 * @property {[number, number]} range their places in the picture
 * @property {number[]} [ticks] the numbers that get a label
 */

/**
 * Grid lines at the ticks of y, labels at the ticks of both.
 * @param {object} plot
 * @param {Axis & { logarithmic?: boolean, labelsAt?: number }} plot.x `labelsAt`: the height of the
 *   feet of the labels
 * @param {Axis & { ground?: number }} plot.y `ground`: the tick whose line is drawn as an axis
 * @returns `across` and `upward` give the place of a number, and back with `.inverse`; `level` a
 *   line across the plot; `marks` are the elements to draw
 */
export function axes({ x, y }) {
  const bend = x.logarithmic ? Math.log10 : Number;
  const unbend = x.logarithmic ? (/** @type {number} */ number) => 10 ** number : Number;
  const straight = scale([bend(x.domain[0]), bend(x.domain[1])], x.range);
  /** @param {number} number */
  const across = (number) => straight(bend(number));
  /** @param {number} place */
  across.inverse = (place) => unbend(straight.inverse(place));
  const upward = scale(y.domain, y.range);
  const [left, right] = x.range;

  /**
   * @param {number} number
   * @param {string} kind
   */
  const level = (number, kind) => line(left, upward(number), right, upward(number), kind);
  const marks = (y.ticks ?? []).flatMap((tick) => [
    level(tick, tick === y.ground ? "axis" : "grid"),
    text(minus(tick), { x: left - GAP, y: upward(tick) + MIDDLE, class: "end" }),
  ]);
  for (const tick of x.ticks ?? []) {
    marks.push(text(minus(tick), { x: across(tick), y: x.labelsAt, class: "middle" }));
  }
  return { across, upward, level, marks };
}

/**
 * The smallest and the largest number, with some air around them.
 * @param {number[]} numbers
 * @returns {[number, number]}
 */
export function airyRange(numbers) {
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  const air = 0.05 * (high - low);
  return [low - air, high + air];
}

/**
 * The whole numbers of an interval, as ticks.
 * @type {(low: number, high: number) => number[]}
 */
export const wholeNumbers = (low, high) =>
  Array.from({ length: Math.floor(high) - Math.ceil(low) + 1 }, (_, i) => Math.ceil(low) + i);
