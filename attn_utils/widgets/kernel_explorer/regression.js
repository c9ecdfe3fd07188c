// Kernel explorer: the regression that it draws, and its errors.

import { dot, mean, softmax } from "../frame/math.js";

// As in widget.py.
export const NARROWEST = 0.05;
export const WIDEST = 5;
const NUM_WIDTHS = 101;

/**
 * Log-kernels of the distance in widths: −∞ outside the window, so that the softmax gives weight 0
 * there.
 * @type {Record<string, (u: number) => number>}
 */
const LOG_KERNELS = {
  gaussian: (u) => -0.5 * u * u,
  box: (u) => (u <= 1 ? 0 : -Infinity),
  triangle: (u) => (u < 1 ? Math.log(1 - u) : -Infinity),
  epanechnikov: (u) => (u < 1 ? Math.log(1 - u * u) : -Infinity),
};

export const WIDTHS = Array.from(
  { length: NUM_WIDTHS },
  (_, i) => NARROWEST * (WIDEST / NARROWEST) ** (i / (NUM_WIDTHS - 1)),
);

/**
 * @typedef {object} Data
 * @property {string} kernel
 * @property {number} width
 * @property {number[]} keys
 * @property {number[]} values
 * @property {number[]} xTest
 * @property {number[]} yTest
 */

/**
 * The formula of the demo. `without` leaves one training point out.
 * @param {number} x
 * @param {Data} data
 * @param {number} [without]
 */
export function weightsAt(x, { kernel, width, keys }, without = -1) {
  const logKernel = LOG_KERNELS[kernel];
  return softmax(
    keys.map((key, i) => (i === without ? -Infinity : logKernel(Math.abs(x - key) / width))),
  );
}
/** @type {(x: number, data: Data, without?: number) => number} */
const fitAt = (x, data, without) => dot(weightsAt(x, data, without), data.values);
/** @param {Data} data */
export const leaveOneOut = (data) =>
  mean(data.keys.map((key, i) => (fitAt(key, data, i) - data.values[i]) ** 2));
/** @param {Data} data */
export const fitOn = (data) => data.xTest.map((x) => fitAt(x, data));
/** @type {(data: Data, fit: number[]) => number} */
export const trueError = (data, fit) => mean(fit.map((y, i) => (y - data.yTest[i]) ** 2));

/** Both error curves of a kernel and the best width. @param {Data} data */
export function measureWidths(data) {
  const loo = WIDTHS.map((width) => leaveOneOut({ ...data, width }));
  const truth = WIDTHS.map((width) => trueError(data, fitOn({ ...data, width })));
  return { loo, truth, width: WIDTHS[loo.indexOf(Math.min(...loo))] };
}
