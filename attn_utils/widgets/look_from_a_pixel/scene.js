// One picture as the demo knows it: what is in it and where, and how it is painted.

import { html } from "../frame/elements.js";

/** @import { Packed } from "./packed.js" */
/**
 * @typedef {object} Scene
 * @property {string} label
 * @property {{ shape: number[], numbers: string }} image
 * @property {string[]} names
 * @property {[row: number, column: number, height: number, width: number][]} boxes
 * @property {number[][]} colors
 * @property {number} asks
 * @property {number} twin
 * @property {number[]} start
 * @property {Record<string, Packed>} queries
 * @property {Record<string, Packed>} keys
 */
/** @typedef {{ height: number, width: number }} Grid */

/**
 * How much of a cell of a grid over the picture a box covers.
 * @param {Scene} scene
 * @param {number} thing
 * @param {Grid} grid
 * @param {number} cell
 */
export function share({ boxes, image }, thing, grid, cell) {
  const [row, column, high, wide] = boxes[thing];
  /** @type {(at: number, start: number, size: number, cells: number, length: number) => number} */
  const overlap = (at, start, size, cells, length) => {
    const [from, to] = [(at * length) / cells, ((at + 1) * length) / cells];
    return (Math.max(0, Math.min(to, start + size) - Math.max(from, start)) * cells) / length;
  };
  const [height, width] = image.shape;
  return (
    overlap(Math.floor(cell / grid.width), row, high, grid.height, height) *
    overlap(cell % grid.width, column, wide, grid.width, width)
  );
}

/**
 * What a cell lies on: the thing that covers most of it.
 * @param {Scene} scene
 * @param {Grid} grid
 * @param {number} cell
 */
export function under(scene, grid, cell) {
  const shares = scene.boxes.map((_, thing) => share(scene, thing, grid, cell));
  const most = Math.max(...shares);
  if (most === 0) return "the background";
  const thing = shares.indexOf(most);
  const name = `the ${scene.names[thing]}`;
  return thing === scene.twin ? `${name}, the twin of the ${scene.names[scene.asks]}` : name;
}

/**
 * The share of the picture that a thing covers, which is its mass if all weights are equal.
 * @param {Scene} scene
 * @param {number} thing
 */
export const even = ({ boxes, image }, thing) =>
  (boxes[thing][2] * boxes[thing][3]) / (image.shape[0] * image.shape[1]);

/**
 * A small picture of colors with opacities, as an address.
 * @param {number} width
 * @param {number} height
 * @param {number[][]} colors red, green and blue from 0 to 255, opacity from 0 to 1
 */
export function painted(width, height, colors) {
  const canvas = html("canvas", { width, height });
  const context = canvas.getContext("2d");
  if (!context) return "";
  const image = context.createImageData(width, height);
  image.data.set(colors.flatMap(([r, g, b, a]) => [r, g, b, 255 * a]));
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** @param {number[]} color */
export const rgb = (color) => `rgb(${color.map(Math.round).join(" ")})`;
