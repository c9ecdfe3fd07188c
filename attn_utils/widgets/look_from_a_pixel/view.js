// Look from a pixel: chapter 8's attention over a picture, for one query at a time.

import { menu } from "../frame/controls.js";
import { drag, html, picture, put, svg, word } from "../frame/elements.js";
import { frame, panel } from "../frame/frame.js";
import { clamp, dot, fixed, percent, softmax, sum } from "../frame/math.js";
import { choice } from "./choice.js";
import { pixels, vectors } from "./packed.js";
import { even, painted, rgb, share, under } from "./scene.js";

const SIZE = 336; // of a picture: 12 for each pixel of a scene
const FAR = 3; // cells that an arrow key goes with Shift
/** @type {[number, number, number, number]} */
const FAINT = [119, 123, 130, 0.4]; // ink in the right picture, on a light page and on a dark one

/** @import { Scene } from "./scene.js" */
/** @import { Packed } from "./packed.js" */

/**
 * The formula of the demo.
 * @param {Scene} scene
 * @param {ReturnType<typeof vectors>} queries
 * @param {ReturnType<typeof vectors>} keys
 * @param {number} cell of the query
 */
function lookFrom(scene, queries, keys, cell) {
  const query = queries.cells[cell];
  const weights = softmax(keys.cells.map((key) => dot(query, key)));
  const masses = scene.boxes.map((_, thing) =>
    sum(weights.map((weight, j) => weight * share(scene, thing, keys, j))),
  );
  return { weights, masses };
}

/** @param {import("../frame/frame.js").View} view */
function render(view) {
  const demo = frame(view, {
    title: "Look from a pixel",
    formula: [
      [word("query", "query"), " = θ(pixel)"],
      [word("keys", "key"), " = φ(pixels)"],
      [
        word("weights", "weight"),
        " = softmax(",
        word("query", "query"),
        " · ",
        word("keys", "key"),
        ")",
      ],
    ],
  });
  /** @returns {Scene} */
  const scene = () => demo.get("scenes")[demo.get("scene")];
  /** @type {Map<Packed, ReturnType<typeof vectors>>} */
  const unpacked = new Map();
  /** @param {Packed} packed */
  const read = (packed) => {
    const found = unpacked.get(packed) ?? vectors(packed);
    unpacked.set(packed, found);
    return found;
  };
  const queries = () => read(scene().queries[demo.get("net")]);
  /** @type {(row: number, column: number) => void} */
  const moveTo = (row, column) => {
    const { height, width } = queries();
    demo.set({
      pixel: [clamp(Math.floor(row), 0, height - 1), clamp(Math.floor(column), 0, width - 1)],
    });
  };

  menu(demo, {
    label: "scene",
    options: () =>
      demo.get("scenes").map((/** @type {Scene} */ one, /** @type {number} */ i) => [i, one.label]),
    chosen: () => demo.get("scene"),
    choose: (number) => {
      const chosen = demo.get("scenes")[Number(number)];
      demo.set({ scene: Number(number), pixel: chosen.start });
    },
  });
  choice(demo, {
    label: "keys",
    role: "key",
    options: () => Object.keys(scene().queries),
    chosen: () => demo.get("net"),
    choose: (net) => demo.set({ net }),
  });

  // Left: the scene. Only the query can be focused.
  const twinFrame = () => svg("rect", { class: "twin" });
  const picturesOf = { class: "scene" };
  const left = picture(SIZE, SIZE, demo.get("description"), { ...picturesOf, role: "group" });
  const photo = svg("image", { preserveAspectRatio: "none", class: "ground" });
  const inside = svg("circle", { r: 9.5, class: "sample" });
  const query = svg(
    "g",
    { class: "handle", tabindex: 0, role: "slider", "aria-label": "query", "aria-valuemin": 1 },
    svg("circle", { r: 30, fill: "transparent" }), // what a finger has to hit
    svg("circle", { r: 18, class: "ring" }),
    svg("circle", { r: 16, fill: "var(--surface)", class: "backing" }),
    inside,
    svg("circle", { r: 12, fill: "none", stroke: "var(--d-query)", "stroke-width": 4.5 }),
  );
  const frames = [twinFrame(), twinFrame()];
  left.append(photo, frames[0], query);
  panel(
    demo,
    ["Move the ", word("query", "query"), ". The frame is around the twin."],
    left,
    html(
      "p",
      { class: "hint" },
      "Keyboard: focus the query, then use the arrow keys (Shift: larger steps), ",
      "Home for the grey digit.",
    ),
  );

  // Right: where it looks.
  const right = picture(SIZE, SIZE, demo.get("description"), picturesOf);
  const sketch = svg("image", { preserveAspectRatio: "none", class: "ground" });
  const cells = svg("g");
  const here = svg("circle", { r: 7, class: "here" });
  right.append(
    sketch,
    cells,
    svg("rect", { width: SIZE, height: SIZE, class: "edge" }),
    frames[1],
    here,
  );
  const heading = html("span");
  panel(demo, [heading], right);

  // Below: how much of the weight lies on what.
  const rows = html("tbody");
  const heads = ["on", word("weight", "weight"), "if even"].map((name) =>
    html("th", { scope: "col" }, name),
  );
  const table = html(
    "table",
    { class: "masses" },
    html("thead", {}, html("tr", {}, ...heads, html("td"))),
    rows,
  );
  panel(demo, ["Where the ", word("weight", "weight"), " lies"], table).classList.add("whole");

  /** @type {(x: number, y: number) => void} */
  const pointAt = (x, y) => {
    const { height, width } = queries();
    moveTo((y / SIZE) * height, (x / SIZE) * width);
  };
  drag(left, query, pointAt);
  drag(right, here, pointAt);
  query.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = demo.get("pixel");
    const far = event.shiftKey ? FAR : 1;
    /** @type {Record<string, number[]>} */
    const targets = {
      ArrowLeft: [row, column - far],
      ArrowRight: [row, column + far],
      ArrowUp: [row - far, column],
      ArrowDown: [row + far, column],
      Home: scene().start,
    };
    const target = targets[event.key];
    if (!target) return;
    moveTo(target[0], target[1]);
    event.preventDefault(); // or the page would scroll
  });

  /**
   * What does not change while the query moves: both pictures of the scene and the frames.
   * @param {Scene} now
   */
  function drawScene(now) {
    const { height, width, colors } = pixels(now.image);
    const place = { width: SIZE, height: SIZE };
    put(photo, {
      ...place,
      href: painted(
        width,
        height,
        colors.map((color) => [...color, 1]),
      ),
    });
    const [r, g, b, most] = FAINT;
    const faint = colors.map((color) => [r, g, b, (most * Math.max(...color)) / 255]);
    put(sketch, { ...place, href: painted(width, height, faint) });
    const [row, column, high, wide] = now.boxes[now.twin];
    for (const frame of frames) {
      put(frame, {
        x: (column / width) * SIZE,
        y: (row / height) * SIZE,
        width: (wide / width) * SIZE,
        height: (high / height) * SIZE,
      });
    }
    return { height, width, colors };
  }

  /** @type {Scene | undefined} */
  let drawn;
  /** @type {ReturnType<typeof pixels>} */
  let light;
  const traits = ["scenes", "scene", "net", "pixel", "description"];
  return demo.watch(traits, () => {
    const now = scene();
    if (drawn !== now) light = drawScene(now);
    drawn = now;
    const asked = queries();
    const keys = read(now.keys[demo.get("net")]);
    const [row, column] = demo.get("pixel");
    const cell = row * asked.width + column;
    const { weights, masses } = lookFrom(now, asked, keys, cell);
    const best = Math.max(...weights);

    for (const one of [left, right]) put(one, { "aria-label": demo.get("description") });
    const [x, y] = [((column + 0.5) / asked.width) * SIZE, ((row + 0.5) / asked.height) * SIZE];
    const on = under(now, asked, cell);
    put(query, {
      transform: `translate(${x} ${y})`,
      "aria-valuenow": column + 1,
      "aria-valuemax": asked.width,
      "aria-valuetext": `row ${row + 1}, column ${column + 1}, on ${on}`,
    });
    put(here, { cx: x, cy: y });
    // The color of the pixels that the query is of: their mean, as the map may be coarser.
    const of = light.colors.filter((_, i) => {
      const [r, c] = [Math.floor(i / light.width), i % light.width];
      return (
        Math.floor((r * asked.height) / light.height) === row &&
        Math.floor((c * asked.width) / light.width) === column
      );
    });
    put(inside, {
      fill: rgb([0, 1, 2].map((part) => sum(of.map((color) => color[part])) / of.length)),
    });

    const [wide, high] = [SIZE / keys.width, SIZE / keys.height];
    cells.replaceChildren(
      ...weights.map((weight, j) =>
        svg("rect", {
          x: (j % keys.width) * wide,
          y: Math.floor(j / keys.width) * high,
          width: wide,
          height: high,
          class: "cell",
          "fill-opacity": weight / best,
        }),
      ),
    );
    heading.replaceChildren(
      word("Weights", "weight"),
      ` of ${weights.length} `,
      word("keys", "key"),
      `: the strongest has ${percent(best)}.`,
    );
    const rest = 1 - sum(masses);
    const share = (/** @type {number} */ number) => fixed(number, 3);
    const evenly = now.boxes.map((_, thing) => even(now, thing));
    rows.replaceChildren(
      ...[...now.names, "nothing"].map((name, thing) => {
        const mass = masses[thing] ?? rest;
        const chip = html("i", { class: "chip" });
        if (thing < now.names.length) chip.style.background = rgb(now.colors[thing]);
        const label = thing === now.twin ? `${name}, the twin` : name;
        const bar = html("span", { class: "bar", style: `width: ${100 * mass}%` });
        return html(
          "tr",
          {},
          html("th", { scope: "row" }, chip, label),
          html("td", {}, share(mass)),
          html("td", {}, share(evenly[thing] ?? 1 - sum(evenly))),
          html("td", { class: "track" }, bar),
        );
      }),
    );

    demo.publish({
      weights: Array.from({ length: keys.height }, (_, i) =>
        weights.slice(i * keys.width, (i + 1) * keys.width),
      ),
      masses,
    });
    const most = weights.indexOf(best);
    const top = `row ${Math.floor(most / keys.width) + 1}, column ${(most % keys.width) + 1}`;
    demo.say(
      `The query is in row ${row + 1}, column ${column + 1} ` +
        `of ${asked.height} × ${asked.width}, on ${on}. ` +
        `Its largest weight, ${percent(best)}, is in ${top} ` +
        `of ${keys.height} × ${keys.width}, on ${under(now, keys, most)}. ` +
        `The twin has ${percent(masses[now.twin])} of all weight; ` +
        `spread evenly it would have ${percent(even(now, now.twin))}.`,
    );
  });
}

export default { render };
