// Numbers: what formulas are made of, and how they are written for readers.

/** @param {number[]} numbers */
export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** @param {number[]} numbers */
export const mean = (numbers) => sum(numbers) / numbers.length;

/**
 * @param {number[]} a
 * @param {number[]} b
 */
export const dot = (a, b) => sum(a.map((x, i) => x * b[i]));

/**
 * The library's masked softmax: a score of −∞ gets weight 0, and so does every key of a row with
 * nothing but −∞.
 * @param {number[]} scores
 */
export function softmax(scores) {
  const top = Math.max(...scores);
  if (top === -Infinity) return scores.map(() => 0);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/**
 * How evenly the weights are spread, in nats: 0 for one key, log k for k equal ones.
 * @param {number[]} weights
 */
export const entropy = (weights) => -sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0)));

/**
 * @param {number} number
 * @param {number} low
 * @param {number} high
 */
export const clamp = (number, low, high) => Math.min(high, Math.max(low, number));

/**
 * A linear map from one interval to another, and back with `.inverse`.
 * @param {[number, number]} domain
 * @param {[number, number]} range
 */
export function scale([from, to], [start, end]) {
  /** @param {number} number */
  const map = (number) => start + ((number - from) / (to - from)) * (end - start);
  /** @param {number} place */
  map.inverse = (place) => from + ((place - start) / (end - start)) * (to - from);
  return map;
}

/**
 * A number with a minus sign: a hyphen is too short to be seen as one.
 * @param {number | string} number
 */
export const minus = (number) => String(number).replace("-", "−");

/**
 * @param {number} number
 * @param {number} digits after the point
 */
export const fixed = (number, digits) =>
  minus((Math.abs(number) < 0.5 * 10 ** -digits ? 0 : number).toFixed(digits));

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)}%`;

/**
 * @param {(string | number)[]} words
 * @returns {string} "a, b and c"
 */
export const listed = (words) =>
  words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
