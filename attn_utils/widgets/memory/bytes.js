// Counting bytes, and writing them for readers.

/**
 * @typedef {object} Published what is known of a model; widget.py and models.py say what it means
 * @property {string} name
 * @property {number} layers
 * @property {number} heads
 * @property {number} kv_heads
 * @property {number} head_size
 * @property {number} latent
 * @property {number} window
 * @property {number} context
 * @property {number} parameters
 * @property {string} source
 */

export const KINDS = ["heads", "groups", "one", "published"];

const GROUPS = 8; // at most so many
const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];

/**
 * The largest part of the heads that is at most 8 and not all.
 * @param {number} heads
 */
function groups(heads) {
  const most = Math.min(GROUPS, Math.max(heads - 1, 1));
  return Math.max(...Array.from({ length: most }, (_, i) => (heads % (i + 1) ? 1 : i + 1)));
}

/** How many heads have keys and values of their own, for each of the kinds. @param {Published} m */
export const headsKept = (m) => [m.heads, groups(m.heads), 1, m.kv_heads];

/**
 * Bytes that a token of one conversation adds, for each of the kinds.
 * @param {Published} model
 * @param {number} bytes of a number
 */
export function perToken(model, bytes) {
  const { layers, head_size, latent } = model;
  const usual = headsKept(model).map((kept) => 2 * layers * kept * head_size * bytes);
  return latent ? [...usual.slice(0, 3), layers * latent * bytes] : usual;
}

/**
 * How many tokens are kept.
 * @param {number} tokens
 * @param {number} window 0 if there is none
 */
export const tokensKept = (tokens, window) => (window ? Math.min(tokens, window) : tokens);

/** A whole number in groups of three digits. @param {number} number */
export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/**
 * Bytes with three digits that count and a unit, in powers of 1000.
 * @param {number} bytes
 */
export function size(bytes) {
  const unit = bytes < 1 ? 0 : Math.floor((String(Math.floor(bytes)).length - 1) / 3);
  return `${Number((bytes / 1000 ** unit).toPrecision(3))} ${UNITS[unit]}`;
}

/**
 * How many times something is something else, in words.
 * @param {number} ratio
 */
export function times(ratio) {
  if (ratio < 0.001) return "less than a thousandth of";
  const short = Number(ratio.toPrecision(2));
  return `${Number.isInteger(short) ? grouped(short) : short} times`;
}
