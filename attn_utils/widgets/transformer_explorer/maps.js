// Transformer explorer: maps of weights. A map is a stretched picture that is counted in rows and
// columns, so that words beside it and above it meet their cells.

import { html, put, svg } from "../frame/elements.js";
import { clamp } from "../frame/math.js";
import { isSure } from "./words.js";

/** @import { Kind, Sentence } from "./words.js" */

const WIDEST = 3; // rem: a cell of the large map, where there is room
const DENSE = 12; // more rows than this stand closer together

/**
 * @typedef {object} Scene
 * @property {Kind} kind
 * @property {Sentence} sentence
 * @property {string[]} queries the words of the rows
 * @property {string[]} keys the words of the columns
 * @property {number} step the row in question
 * @property {boolean} gold
 */

/**
 * A box of a map, in rows and columns.
 *
 * @type {(x: number, y: number, width: number, height: number, kind: string) => SVGRectElement}
 */
const box = (x, y, width, height, kind) => svg("rect", { x, y, width, height, class: kind });

/** How many rows are shown: no word is looked up before it is written. @param {Scene} scene */
export const rowsShown = ({ kind, queries, step }) =>
  kind === "encoder" ? queries.length : step + 1;

/** How many words a row can look at. @type {(scene: Scene, row: number) => number} */
export const seenFrom = ({ kind, keys }, row) => (kind === "decoder" ? row + 1 : keys.length);

/**
 * Cells as opaque as their weights, and a frame around the row in question.
 * @param {SVGSVGElement} map
 * @param {number[][]} weights
 * @param {Scene} scene
 */
export function drawMap(map, weights, scene) {
  const [q, k] = [scene.queries.length, scene.keys.length];
  put(map, { viewBox: `0 0 ${k} ${q}` });
  const rows = weights.slice(0, rowsShown(scene));
  const grounds = rows.map((_, i) => box(0, i, seenFrom(scene, i), 1, "ground"));
  const cells = rows.flatMap((row, i) =>
    row
      .slice(0, seenFrom(scene, i))
      .map((weight, j) => put(box(j, i, 1, 1, "cell"), { "fill-opacity": weight })),
  );
  map.replaceChildren(
    box(0, 0, k, q, "edge"),
    ...grounds,
    ...cells,
    box(0, scene.step, seenFrom(scene, scene.step), 1, "row"),
  );
}

/**
 * Frames on the gold links of the rows shown.
 *
 * @type {(map: SVGSVGElement, scene: Scene) => void}
 */
function drawGold(map, scene) {
  const { sentence } = scene;
  const links = sentence.possible.filter(([, i]) => i < rowsShown(scene));
  for (const [j, i] of links) {
    const kind = isSure(sentence, [j, i]) ? "sure" : "possible";
    for (const part of ["backing", `gold ${kind}`]) {
      map.append(box(j + 0.14, i + 0.17, 0.72, 0.66, part));
    }
  }
}

/**
 * The large map with its words. `go` hears which row is pressed.
 *
 * @param {(row: number) => void} go
 */
export function makeSheet(go) {
  const map = svg("svg", { class: "atlas large", role: "img", preserveAspectRatio: "none" });
  const above = html("ol", { class: "keys" });
  const beside = html("ol", { class: "queries" });
  const corner = html("p", { class: "corner" });
  const node = html("div", { class: "sheet" }, corner, above, beside, map);
  map.addEventListener("click", (event) => {
    const { top, height } = map.getBoundingClientRect();
    const rows = beside.childElementCount;
    go(clamp(Math.floor(((event.clientY - top) / height) * rows), 0, rows - 1));
  });
  /**
   * Words that are not there yet keep their places.
   * @param {HTMLElement} list
   * @param {string[]} words
   * @param {number} shown
   * @param {number} marked
   */
  function write(list, words, shown, marked) {
    const items = words.map((content, i) =>
      html(
        "li",
        { class: i === marked ? "marked" : "" },
        html("span", {}, i < shown ? content : ""),
      ),
    );
    list.replaceChildren(...items);
  }
  return {
    node,
    /**
     * @param {number[][]} weights
     * @param {Scene} scene
     * @param {string} description
     */
    draw(weights, scene, description) {
      const { kind, sentence, queries, keys, step, gold } = scene;
      const { source, target } = sentence;
      const longest = Math.max(...[...source, ...target].map((content) => content.length));
      node.classList.toggle("dense", Math.max(source.length, target.length) > DENSE);
      node.style.setProperty("--longest", `${clamp(0.6 * longest + 0.9, 2.5, 7)}rem`);
      node.style.setProperty("--rows", String(queries.length));
      node.style.setProperty("--most", String(Math.max(source.length, target.length)));
      node.style.setProperty("--widest", `${WIDEST * keys.length}rem`);
      corner.textContent = kind === "encoder" ? "asks" : "is written";
      write(beside, queries, rowsShown(scene), step);
      write(above, keys, kind === "decoder" ? step + 1 : keys.length, -1);
      put(map, { "aria-label": description });
      drawMap(map, weights, scene);
      if (gold && kind === "cross") drawGold(map, scene);
    },
  };
}
