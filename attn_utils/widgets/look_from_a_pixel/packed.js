// Arrays as a notebook carries them: numbers of 16 bits, or pixels of 8, as one short text.

/** @typedef {{ shape: number[], unit: number, numbers: string }} Packed */

/** @param {string} text in base 64 */
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/**
 * The vectors of a map, one for each of its cells, row by row.
 * @param {Packed} packed
 */
export function vectors({ shape: [height, width, size], unit, numbers }) {
  const view = new DataView(bytes(numbers).buffer);
  /** @param {number} i */
  const at = (i) => unit * view.getInt16(2 * i, true);
  const cells = Array.from({ length: height * width }, (_, cell) =>
    Array.from({ length: size }, (_, feature) => at(cell * size + feature)),
  );
  return { height, width, cells };
}

/**
 * Red, green and blue of the pixels of a picture, from 0 to 255, row by row.
 * @param {{ shape: number[], numbers: string }} packed
 */
export function pixels({ shape: [height, width], numbers }) {
  const light = bytes(numbers);
  const colors = Array.from({ length: height * width }, (_, i) => [
    ...light.subarray(3 * i, 3 * i + 3),
  ]);
  return { height, width, colors };
}
