// Translator: the map of the weights, with French words beside it and English words above.

import { html, put, svg } from "../frame/elements.js";
import { clamp } from "../frame/math.js";

const ROWS = 30; // more are not drawn: a broken translator may never come to an end
const DENSE = 12; // more rows or columns than this stand closer together
const CROWDED = 16; // more columns than this leave little room beside them, on a phone

/** @type {(words: string[]) => HTMLElement[]} */
const items = (words) => words.map((word) => html("li", {}, html("span", {}, word)));

/** As much as the longest word needs. @param {string[]} words */
const room = (words) => {
  const longest = Math.max(0, ...words.map(({ length }) => length));
  return `${clamp(0.6 * longest + 0.9, 2.5, 7)}rem`;
};

/** Make the map. */
export function makeMap() {
  const picture = svg("svg", { class: "cells", role: "img", preserveAspectRatio: "none" });
  const above = html("ol", { class: "keys" });
  const beside = html("ol", { class: "queries", lang: "fr" });
  const sheet = html("div", { class: "gaze" }, above, beside, picture);
  const more = html("p", { class: "hint" });
  return {
    node: html("div", {}, sheet, more),
    /**
     * @param {string[]} words read
     * @param {string[]} written
     * @param {number[][]} rows a weight for each word that is read
     * @param {string} description
     */
    draw(words, written, rows, description) {
      const shown = rows.slice(0, ROWS);
      const [k, q] = [words.length, shown.length];
      sheet.hidden = !q;
      sheet.style.setProperty("--above", room(words));
      sheet.style.setProperty("--beside", room(written));
      sheet.style.setProperty("--rows", String(q));
      sheet.style.setProperty("--columns", String(k));
      sheet.classList.toggle("dense", Math.max(k, q) > DENSE);
      sheet.classList.toggle("crowded", k > CROWDED);
      above.replaceChildren(...items(words));
      beside.replaceChildren(...items(written.slice(0, ROWS)));
      const cells = shown.flatMap((row, i) =>
        row.map((weight, j) =>
          svg("rect", { x: j, y: i, width: 1, height: 1, class: "cell", "fill-opacity": weight }),
        ),
      );
      const ground = svg("rect", { x: 0, y: 0, width: k, height: q, class: "ground" });
      put(picture, {
        viewBox: `0 0 ${Math.max(1, k)} ${Math.max(1, q)}`,
        "aria-label": description,
      });
      picture.replaceChildren(ground, ...cells);
      more.textContent = rows.length > q ? `… and ${rows.length - q} rows more` : "";
    },
  };
}
