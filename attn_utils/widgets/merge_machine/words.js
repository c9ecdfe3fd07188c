// What the demo says of a step.

import { fixed } from "../frame/math.js";
import { naiveTotal } from "./merge.js";

/** @param {number[]} point */
const written = (point) => `(${point.map((number) => fixed(number, 2)).join(", ")})`;
/**
 * @param {number[]} scores
 * @param {ReturnType<typeof import("./merge.js").mergeAll>} steps
 * @param {number} step from 1
 * @param {boolean} forget
 */
export function sentence(scores, steps, step, forget) {
  const now = steps[step - 1];
  const { maximum, oldFactor, newFactor } = now.after;
  const all = steps[steps.length - 1].output;
  const off = Math.hypot(now.output[0] - all[0], now.output[1] - all[1]);
  const naive = naiveTotal(now.keys.map((j) => scores[j]));
  const broken = naive === 0 ? "every exponential is 0" : "exponentials overflow";
  return [
    `${step} of ${steps.length} blocks merged.`,
    step === 1
      ? "The first block is taken as it is."
      : `The old is multiplied by ${fixed(oldFactor, 3)}, the block by ${fixed(newFactor, 3)}.`,
    `The output is ${written(now.output)}:`,
    step === steps.length
      ? "softmax attention over all 12 keys."
      : `${fixed(off, 2)} away from attention over all 12 keys.`,
    ...(forget
      ? [`Without rescaling it is ${written(now.wrongOutput)}, off by ${fixed(now.error, 2)}.`]
      : []),
    now.naive
      ? "In float32 this still works without a maximum."
      : `In float32 without a maximum, with a largest score of ${fixed(maximum, 1)}, ${broken} ` +
        "and the output is NaN.",
  ].join(" ");
}
