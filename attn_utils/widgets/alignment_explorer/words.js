// Alignment explorer: what its sentence says, in the words of the translation shown.

import { fixed, listed, sum } from "../frame/math.js";

export const END = "</s>"; // what the translator writes when it is done
export const NOTABLE = 0.1; // a smaller weight is not put into words, nor drawn of earlier steps

/**
 * One translation, as `Translation` in translation.py describes it.
 * @typedef {object} Sentence
 * @property {string} label
 * @property {string[]} source
 * @property {string[]} target
 * @property {string[]} reference
 * @property {[source: number, target: number][]} sure
 * @property {[source: number, target: number][]} possible
 * @property {[word: string, probability: number][][]} candidates
 * @property {[from: number, to: number, expected: string[]][]} differences
 */

/** Which words a word can be linked with: of the source with the target, or the reverse. */
export const SOURCE = 0;
export const TARGET = 1;

/**
 * A word in quotes, in brackets what tells it from its doubles and what else there is to say of it.
 * @param {string[]} words
 * @param {number} i
 * @param {string[]} more
 */
function named(words, i, ...more) {
  const double = words.indexOf(words[i]) !== words.lastIndexOf(words[i]);
  const remarks = [...(double ? [`word ${i + 1}`] : []), ...more];
  return `“${words[i]}”${remarks.length ? ` (${remarks.join(", ")})` : ""}`;
}

/**
 * The words with the largest weights, the largest first, at most three.
 * @param {string[]} words
 * @param {number[]} weights
 */
function leading(words, weights) {
  const order = words.map((_, i) => i).filter((i) => weights[i] >= NOTABLE);
  order.sort((a, b) => weights[b] - weights[a]);
  return order.slice(0, 3).map((i) => named(words, i, fixed(weights[i], 2)));
}

/**
 * Whether a possible link is a sure one.
 * @param {Sentence} sentence
 * @param {number} j
 * @param {number} i
 */
export const isSure = (sentence, j, i) =>
  sentence.sure.some((link) => link[0] === j && link[1] === i);

/**
 * @param {Sentence} sentence
 * @param {0 | 1} side
 * @param {number} index
 */
function tellGold(sentence, side, index) {
  const words = side === SOURCE ? sentence.target : sentence.source;
  const links = sentence.possible.filter((link) => link[side] === index);
  links.sort((a, b) => a[1 - side] - b[1 - side]);
  const sure = links.filter(([j, i]) => isSure(sentence, j, i));
  const maybe = links.filter(([j, i]) => !isSure(sentence, j, i));
  const names = [
    ...sure.map((link) => named(words, link[1 - side])),
    ...maybe.map((link) => named(words, link[1 - side], "possible")),
  ];
  return names.length ? ` Gold: ${listed(names)}.` : "";
}

/**
 * What the reference has where the translation departs from it.
 * @param {Sentence} sentence
 * @param {number} step
 */
function tellDifference({ target, differences }, step) {
  const written = target.length - Number(target[target.length - 1] === END);
  const told = differences.map(([from, to, expected]) => {
    const quoted = `“${expected.join(" ")}”`;
    if (from < to) {
      const here = step >= from && step < to;
      return here ? ` The reference has ${expected.length ? quoted : "nothing"} here.` : "";
    }
    if (step === from) return ` Before it the reference has ${quoted}.`;
    const atEnd = from === written && step === target.length - 1;
    return atEnd ? ` The reference goes on with ${quoted}.` : "";
  });
  return told.join("");
}

/**
 * @param {string[]} source
 * @param {number[]} weights
 */
function tellLook(source, weights) {
  const top = leading(source, weights);
  const largest = Math.max(...weights);
  if (largest >= 0.5) return `It looks mostly at ${top[0]}.`;
  if (largest < 1.5 / weights.length) return "It spreads its weight almost evenly.";
  if (top.length) return `It spreads its weight, most of all on ${listed(top)}.`;
  return "It looks at no word in particular.";
}

/**
 * A row: what one step writes and where it looks.
 * @param {Sentence} sentence
 * @param {number[]} weights
 * @param {number} step
 * @param {boolean} gold
 */
export function tellStep(sentence, weights, step, gold) {
  const { source, target, candidates } = sentence;
  const word = target[step];
  const chosen = candidates[step].find(([candidate]) => candidate === word);
  return (
    `Step ${step + 1} of ${target.length} writes “${word}”` +
    `${word === END ? ", the end of the sentence," : ""}` +
    `${chosen ? ` (probability ${fixed(chosen[1], 2)})` : ""}. ${tellLook(source, weights)}` +
    `${gold ? tellGold(sentence, TARGET, step) : ""}${tellDifference(sentence, step)}`
  );
}

/**
 * A column: which steps look at one source word.
 * @param {Sentence} sentence
 * @param {number[]} column
 * @param {number} index
 * @param {boolean} gold
 */
export function tellColumn(sentence, column, index, gold) {
  const { source, target } = sentence;
  const top = leading(target, column);
  const others = column.filter((weight) => weight >= NOTABLE).length > top.length;
  const steps = `${listed(top)} ${top.length > 1 ? "are" : "is"} written`;
  const look = top.length
    ? `is looked at when ${steps}${others ? ", and by other steps" : ""}`
    : `gets less than ${NOTABLE} in every step`;
  return (
    `${named(source, index)} ${look}. ` +
    `All ${target.length} steps together give it ${fixed(sum(column), 2)}.` +
    `${gold ? tellGold(sentence, SOURCE, index) : ""}`
  );
}
