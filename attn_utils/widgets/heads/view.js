// Heads: small maps of what each head looks at, and the output as a chain of what they write.

import { axes } from "../frame/axes.js";
import { menu, tick } from "../frame/controls.js";
import { html, line, picture, put, svg, text, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { dot, fixed, listed, percent, softmax, sum } from "../frame/math.js";

const HEADS = 4;
const WORDS = 6;
// A map: words at its left, cells beside them. Threads use the same room.
const NAME = 44;
const CELL = 18;
const SMALL = NAME + WORDS * CELL + 4;
const TALL = WORDS * CELL + 6;
const PLANE = 300;
const REACH = 3.2; // three heads made by hand write an arrow of length 1, the fourth nearly none

/**
 * @param {Record<"queries" | "keys" | "values" | "blocks", number[][][]>} data of each head
 * @param {number} asks
 * @param {boolean[]} on
 */
function measure({ queries, keys, values, blocks }, asks, on) {
  const weights = queries.map((head, h) =>
    head.map((q) => softmax(keys[h].map((k) => dot(q, k) / Math.sqrt(q.length)))),
  );
  const written = weights.map((head, h) => {
    const read = [0, 1].map((f) => sum(head[asks].map((w, j) => w * values[h][j][f])));
    return [0, 1].map((f) => read[0] * blocks[h][0][f] + read[1] * blocks[h][1][f]);
  });
  const output = [0, 1].map((f) => sum(written.map((part, h) => (on[h] ? part[f] : 0))));
  return { weights, written, output };
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Heads",
    formula: [
      [word("weights", "weight"), " of each head = softmax(q · k / √f)"],
      [word("output", "output"), " = Σ over heads that are on"],
    ],
  });
  menu(demo, {
    label: "word that asks",
    options: () =>
      demo
        .get("words")
        .map((/** @type {string} */ name, /** @type {number} */ i) => [i, `${i + 1} ${name}`]),
    chosen: () => demo.get("word"),
    choose: (asks) => demo.set({ word: Number(asks) }),
  });
  tick(demo, { label: "weights as threads", trait: "threads" });

  const maps = Array.from({ length: HEADS }, (_, h) => {
    const box = html("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      demo.set({
        on: demo
          .get("on")
          .map((/** @type {boolean} */ was, /** @type {number} */ i) =>
            i === h ? box.checked : was,
          ),
      });
    });
    demo.refreshers.push(() => {
      box.checked = demo.get("on")[h];
    });
    const drawn = picture(SMALL, TALL, `Weights of head ${h + 1}`, { class: "small" });
    const switched = html("label", { class: "tick" }, box, html("span", {}, `head ${h + 1}`));
    const node = panel(demo, [switched], drawn);
    return { drawn, node };
  });
  const each = html("div", { class: "pictures each" }, ...maps.map(({ node }) => node));
  demo.pictures.append(each);
  const plane = picture(PLANE, PLANE, demo.get("description"), { class: "sum" });
  panel(
    demo,
    ["What the heads write, one behind the other, and the ", word("output", "output")],
    plane,
  );

  /**
   * @param {SVGSVGElement} drawn
   * @param {number[][]} weights
   * @param {string[]} words
   * @param {number} asks
   */
  function drawMap(drawn, weights, words, asks) {
    /** @param {number} i */
    const height = (i) => CELL * i + 3;
    const names = words.map((name, i) =>
      text(name, { x: NAME - 5, y: height(i) + 13, class: i === asks ? "end asks" : "end" }),
    );
    drawn.replaceChildren(
      svg("rect", { x: NAME, y: 3, width: WORDS * CELL, height: WORDS * CELL, class: "ground" }),
      ...weights.flatMap((row, i) =>
        row.map((weight, j) =>
          svg("rect", {
            x: NAME + CELL * j,
            y: height(i),
            width: CELL,
            height: CELL,
            class: "cell",
            "fill-opacity": weight,
          }),
        ),
      ),
      svg("rect", { x: NAME, y: height(asks), width: WORDS * CELL, height: CELL, class: "row" }),
      ...names,
    );
  }

  /**
   * @param {SVGSVGElement} drawn
   * @param {number[]} weights of the word that asks
   * @param {string[]} words
   * @param {number} asks
   */
  function drawThreads(drawn, weights, words, asks) {
    /** @param {number} i */
    const height = (i) => CELL * i + 12;
    const right = NAME + 66;
    drawn.replaceChildren(
      ...weights.map((weight, j) =>
        line(NAME, height(asks), right - 4, height(j), "thread", { "stroke-opacity": weight }),
      ),
      text(words[asks], { x: NAME - 5, y: height(asks) + 4, class: "end asks" }),
      ...words.map((name, j) => text(name, { x: right, y: height(j) + 4 })),
    );
  }

  /**
   * @param {number[][]} written
   * @param {boolean[]} on
   */
  function drawSum(written, on) {
    const { across, upward, marks } = axes({
      x: {
        domain: [-REACH, REACH],
        range: [26, PLANE - 8],
        ticks: [-3, -2, -1, 0, 1, 2, 3],
        labelsAt: PLANE - 4,
      },
      y: {
        domain: [-REACH, REACH],
        range: [PLANE - 24, 8],
        ticks: [-3, -2, -1, 0, 1, 2, 3],
        ground: 0,
      },
    });
    const chain = [[0, 0]];
    written.forEach((part, h) => {
      const [x, y] = chain[chain.length - 1];
      if (on[h]) chain.push([x + part[0], y + part[1]]);
    });
    const places = chain.map(([x, y]) => [across(x), upward(y)]);
    const [endX, endY] = places[places.length - 1];
    plane.replaceChildren(
      ...marks,
      ...places.slice(1).map(([x, y], i) => line(places[i][0], places[i][1], x, y, "written")),
      ...places.slice(0, -1).map(([cx, cy]) => svg("circle", { cx, cy, r: 3.5, class: "joint" })),
      svg("circle", { cx: endX, cy: endY, r: 7, class: "output" }),
    );
  }

  return demo.watch(
    [
      "word",
      "on",
      "threads",
      "words",
      "head_queries",
      "head_keys",
      "head_values",
      "head_blocks",
      "description",
    ],
    () => {
      const asks = demo.get("word");
      const on = demo.get("on");
      const words = demo.get("words");
      const [queries, keys, values, blocks] = [
        "head_queries",
        "head_keys",
        "head_values",
        "head_blocks",
      ].map((name) => demo.get(name));
      const numbers = measure({ queries, keys, values, blocks }, asks, on);
      maps.forEach(({ drawn, node }, h) => {
        if (demo.get("threads")) drawThreads(drawn, numbers.weights[h][asks], words, asks);
        else drawMap(drawn, numbers.weights[h], words, asks);
        node.classList.toggle("off", !on[h]);
      });
      put(plane, { "aria-label": demo.get("description") });
      drawSum(numbers.written, on);
      demo.publish(numbers);
      const looks = numbers.weights.map((head, h) => {
        const most = Math.max(...head[asks]);
        return `head ${h + 1} most at “${words[head[asks].indexOf(most)]}” (${percent(most)})`;
      });
      const running = on.flatMap((/** @type {boolean} */ is, /** @type {number} */ h) =>
        is ? [h + 1] : [],
      );
      const [x, y] = numbers.output.map((number) => fixed(number, 2));
      demo.say(
        `“${words[asks]}”, word ${asks + 1}, looks with ${listed(looks)}. ` +
          (running.length
            ? `With head${running.length > 1 ? "s" : ""} ${listed(running)} on`
            : "With no head on") +
          ` the output is (${x}, ${y}).`,
      );
    },
  );
}

export default { render };
