// Translator: from what is typed to words that it knows, and what it says of them.

import { fixed, listed } from "../frame/math.js";

export const LONGEST = 24; // words of the longest sentence that it has seen in training
const SYMBOLS = ["<pad>", "<unk>", "<s>", "</s>"];
const OFFERED = 5; // completions at a time
const TOLD = 4; // words whose look is told
const QUOTED = 12; // words of a translation that are quoted

/** @typedef {"" | "empty" | "symbol" | "unknown" | "long"} Problem */
/** @typedef {{ words: string[], problem: Problem }} Reading */

/**
 * Cut a text into words as the corpus writes them: small letters, no points, 's and ' apart.
 *
 * @type {(text: string, known: Map<string, number>) => Reading}
 */
export function readWords(text, known) {
  const words = text
    .toLowerCase()
    .replace(/[’`´]/g, "'")
    .replace(/[.,;:!?]+(?=\s|$)/g, " ")
    .replace(/('s?)(?=[\s.,;:!?]|$)/g, " $1")
    .split(/\s+/)
    .filter((word) => word);
  /** @type {Problem} */
  let problem = words.length > LONGEST ? "long" : "";
  if (words.some((word) => !known.has(word))) problem = "unknown";
  if (words.some((word) => SYMBOLS.includes(word))) problem = "symbol";
  return { words, problem: words.length ? problem : "empty" };
}

/**
 * Words that go on as the last word of the text begins, frequent ones first.
 * @param {string} text
 * @param {string[]} known
 */
export function completions(text, known) {
  const [begun] = text.toLowerCase().match(/[^\s]+$/) ?? [""];
  if (!begun || known.includes(begun)) return [];
  return known.filter((word) => word.startsWith(begun) && word !== begun).slice(0, OFFERED);
}

/** The text with its last word completed. @type {(text: string, word: string) => string} */
export const completed = (text, word) => `${text.replace(/\S+$/, "")}${word} `;

/**
 * Why there is no translation.
 * @param {Reading} reading
 * @param {Map<string, number>} known
 */
export function tellProblem({ words, problem }, known) {
  const strangers = words.filter((word) => !known.has(word));
  const quoted = listed([...new Set(strangers)].map((word) => `“${word}”`));
  const [last] = words.slice(-1);
  const begun =
    strangers.length === 1 &&
    strangers[0] === last &&
    [...known.keys()].some((word) => word.startsWith(last));
  const symbols = listed(words.filter((word) => SYMBOLS.includes(word)).map((word) => `“${word}”`));
  return {
    "": "",
    empty: "There is nothing to translate yet: type a sentence, such as “the cat sleeps”.",
    symbol: `A symbol such as ${symbols} is not typed: the model adds its own to each sentence.`,
    unknown: begun
      ? `“${last}” is but the beginning of a word: take one that is offered, or type on.`
      : `It has never seen ${quoted}, so it has no vector for it: its ${known.size} words are ` +
        "those of a small grammar. Nothing is translated rather than something invented.",
    long:
      `That is ${words.length} words. The longest sentence in training had ${LONGEST}; beyond ` +
      "that it would write nonsense, so nothing is translated.",
  }[problem];
}

/**
 * A remark on what is no whole sentence.
 * @param {string[]} words
 * @param {Set<string>} finite verbs with tense
 */
export function tellFragment(words, finite) {
  if (words.length > 2 && words.some((word) => finite.has(word))) return "";
  return (
    "This is no whole sentence, and it was trained on whole sentences alone: of a fragment it " +
    "makes what it likes."
  );
}

/** What is written, or how it begins. @param {string[]} written */
export const quote = (written) =>
  `“${written.slice(0, QUOTED).join(" ")}${written.length > QUOTED ? " …" : ""}”`;

/**
 * Where the first words were looked up.
 * @type {(words: string[], written: string[], rows: number[][]) => string}
 */
export function tellLook(words, written, rows) {
  const looks = written.slice(0, TOLD).map((word, i) => {
    const most = Math.max(...rows[i]);
    if (!(most > 0)) return `“${word}” nowhere`;
    return `“${word}” at “${words[rows[i].indexOf(most)]}” (${fixed(most, 2)})`;
  });
  return written.length
    ? ` Most weight: ${listed(looks)}${written.length > TOLD ? ", …" : "."}`
    : "";
}
