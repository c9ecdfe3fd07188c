// The blocks as a row of chips, to be put in another order: by a mouse or a finger that drags one,
// by arrow keys and two buttons, or by chance.

import { button, roveIn } from "../frame/controls.js";
import { html, put } from "../frame/elements.js";

/** @import { Demo } from "../frame/frame.js" */

/**
 * @param {Demo} demo
 * @param {object} options
 * @param {() => number[]} options.blocks in their order
 * @param {() => number} options.size of a block
 * @param {() => number} options.step
 */
export function chips(demo, { blocks, size, step }) {
  const row = html("div", {
    class: "chips",
    role: "group",
    "aria-label": "blocks, in their order",
  });
  const moves = html("div", { class: "controls" });
  /** @type {HTMLButtonElement[]} one for each place; they stay where they are, the blocks move */
  let places = [];
  let chosen = 0; // a place
  /** @type {number | null} */
  let pointer = null;

  /** @param {number} target a place for the block at the chosen one */
  const moveTo = (target) => {
    if (target === chosen || target < 0 || target >= places.length) return;
    const order = blocks();
    const [block] = order.splice(chosen, 1);
    order.splice(target, 0, block);
    chosen = target;
    demo.set({ order });
  };
  const earlier = button(demo, "Earlier", () => moveTo(chosen - 1), moves);
  const later = button(demo, "Later", () => moveTo(chosen + 1), moves);
  const shuffle = button(
    demo,
    "Shuffle",
    () => {
      const old = blocks();
      const order = [...old];
      while (order.length > 1 && String(order) === String(old)) {
        for (let i = order.length - 1; i > 0; i--) {
          const j = Math.floor(Math.random() * (i + 1));
          [order[i], order[j]] = [order[j], order[i]];
        }
      }
      demo.set({ order });
    },
    moves,
  );

  /** @param {PointerEvent} event */
  const under = ({ clientX: x, clientY: y }) =>
    places.findIndex((place) => {
      const { left, right, top, bottom } = place.getBoundingClientRect();
      return x >= left && x <= right && y >= top && y <= bottom;
    });
  row.addEventListener("pointerdown", (event) => {
    const place = under(event);
    if (place < 0 || event.button !== 0) return;
    pointer = event.pointerId;
    row.setPointerCapture(pointer);
    choose(place);
    places[place].focus({ preventScroll: true });
    event.preventDefault(); // or the browser would select text while dragging
  });
  row.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pointer) return;
    const place = under(event);
    if (place >= 0) moveTo(place);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    row.addEventListener(end, () => {
      pointer = null;
    });
  }

  /** @param {number} place */
  function choose(place) {
    chosen = place;
    refresh();
  }

  function refresh() {
    const order = blocks();
    if (places.length !== order.length) {
      places = order.map((_, i) => {
        const place = html("button", { type: "button", class: "place" });
        place.addEventListener("focus", () => choose(i));
        place.addEventListener("click", () => choose(i));
        place.addEventListener("keydown", (event) => {
          const far = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (!far || !event.shiftKey) return;
          event.preventDefault();
          event.stopImmediatePropagation(); // without Shift the arrows go to another chip
          moveTo(i + far);
          places[chosen].focus();
        });
        return place;
      });
      chosen = Math.min(chosen, places.length - 1);
      row.replaceChildren(...places);
      roveIn([places]);
    }
    places.forEach((place, i) => {
      const first = order[i] * size() + 1;
      const last = first + size() - 1;
      const state = i + 1 < step() ? "merged" : i + 1 === step() ? "now" : "waiting";
      place.textContent = first === last ? String(first) : `${first}–${last}`;
      const keys = first === last ? `key ${first}` : `keys ${first} to ${last}`;
      put(place, {
        class: `place ${state}`,
        "aria-label": `${keys}, ${state === "now" ? "merged now" : state}`,
        "aria-pressed": String(i === chosen),
      });
    });
    put(earlier, { "aria-disabled": chosen === 0 ? "true" : null });
    put(later, { "aria-disabled": chosen === places.length - 1 ? "true" : null });
    put(shuffle, { "aria-disabled": places.length === 1 ? "true" : null });
  }
  demo.refreshers.push(refresh);
  return [row, moves];
}
