// Transformer explorer: what its sentence and its headings say.

import { fixed, listed } from "../frame/math.js";

export const END = "</s>"; // what the model writes when it is done
export const START = "<s>"; // what its decoder reads first
const NOTABLE = 0.1; // a smaller weight is not put into words

/** @typedef {"encoder" | "decoder" | "cross"} Kind of attention */
/**
 * A head from 0, the mean of a layer's heads, or that of all layers.
 *
 * @typedef {number | "mean" | "all"} Head
 */
/** @typedef {[source: number, target: number]} Link */

/**
 * One sentence, as `TransformerRun` in run.py describes it, without its weights.
 * @typedef {object} Sentence
 * @property {string[]} source
 * @property {string[]} target
 * @property {string[]} reference
 * @property {Link[]} sure
 * @property {Link[]} possible
 */

export const KINDS = {
  encoder: "self-attention of the encoder",
  decoder: "self-attention of the decoder",
  cross: "cross-attention",
};

/** Whether the model wrote the reference. @param {Sentence} sentence */
export const isReference = ({ target, reference }) =>
  [...reference, END].join("\n") === target.join("\n");

/** Whether a possible link is a sure one. @type {(sentence: Sentence, link: Link) => boolean} */
export const isSure = ({ sure }, [j, i]) => sure.some(([k, l]) => j === k && i === l);

/**
 * Which weights are shown.
 * @param {{ layer: number, head: Head, layers: number, heads: number }} chosen
 */
export function nameWeights({ layer, head, layers, heads }) {
  if (head === "all") return `All ${layers} layers, mean of all ${layers * heads} heads`;
  const which = head === "mean" ? `mean of its ${heads} heads` : `head ${Number(head) + 1}`;
  return `Layer ${layer + 1}, ${which}`;
}

/**
 * A word in quotes, in brackets what tells it from its doubles and what else there is to say of it.
 * @param {string[]} words
 * @param {number} i
 * @param {string[]} more
 */
export function named(words, i, ...more) {
  const double = words.indexOf(words[i]) !== words.lastIndexOf(words[i]);
  const remarks = [...(double ? [`word ${i + 1}`] : []), ...more];
  return `“${words[i]}”${remarks.length ? ` (${remarks.join(", ")})` : ""}`;
}

/** The word with the largest weight. @type {(words: string[], weights: number[]) => string} */
export function topOf(words, weights) {
  const top = weights.indexOf(Math.max(...weights));
  return named(words, top, fixed(weights[top], 2));
}

/**
 * @param {string[]} words that are looked at
 * @param {number[]} weights
 */
function tellLook(words, weights) {
  if (words.length === 1) return `looks at “${words[0]}”, all that there is to look at`;
  if (Math.max(...weights) < 1.5 / words.length) {
    return `looks at all ${words.length} words almost evenly`;
  }
  const order = words.map((_, j) => j).sort((a, b) => weights[b] - weights[a]);
  const next = order.slice(1, 3).filter((j) => weights[j] >= NOTABLE);
  const more = next.map((j) => named(words, j, fixed(weights[j], 2)));
  return `looks most at ${topOf(words, weights)}${more.length ? `, then at ${listed(more)}` : ""}`;
}

/**
 * @param {Sentence} sentence
 * @param {number} step
 */
function tellGold(sentence, step) {
  if (!isReference(sentence)) {
    return " Gold links belong to the reference, which is another sentence.";
  }
  const links = sentence.possible.filter(([, i]) => i === step);
  const sure = links.filter((link) => isSure(sentence, link));
  const maybe = links.filter((link) => !isSure(sentence, link));
  const words = [
    ...sure.map(([j]) => named(sentence.source, j)),
    ...maybe.map(([j]) => named(sentence.source, j, "possible")),
  ];
  return words.length ? ` Gold: ${listed(words)}.` : "";
}

/**
 * What a row shows.
 * @param {object} scene
 * @param {string} scene.name of the weights
 * @param {Kind} scene.kind
 * @param {Sentence} scene.sentence
 * @param {string[]} scene.queries
 * @param {string[]} scene.keys
 * @param {number[]} scene.weights of the row, of what can be looked at
 * @param {number} scene.step
 * @param {boolean} scene.gold
 */
export function tellRow({ name, kind, sentence, queries, keys, weights, step, gold }) {
  const end = queries[step] === END ? ", the end of the sentence," : "";
  const asks =
    kind === "encoder" ? named(queries, step) : `to write ${named(queries, step)}${end} it`;
  const look = tellLook(keys.slice(0, weights.length), weights);
  const links = gold && kind === "cross" ? tellGold(sentence, step) : "";
  return `${name}, ${KINDS[kind]}: ${asks} ${look}.${links}`;
}
