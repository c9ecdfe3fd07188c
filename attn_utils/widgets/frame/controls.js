// Native controls with labels. Each shows what the model holds and writes back what the reader
// chooses.
/** @import { Demo } from "./frame.js" */

import { html, put } from "./elements.js";

/**
 * A labelled slider with a readout. `position` reads the slider's place from the model, `move`
 * writes it back.
 * @param {Demo} demo
 * @param {object} options
 * @param {HTMLElement} [options.into]
 * @param {string} options.label
 * @param {string} [options.role] of the quantity in attention
 * @param {number} options.min
 * @param {number | (() => number)} options.max
 * @param {number} options.step
 * @param {() => number} options.position
 * @param {(place: number) => void} options.move
 * @param {() => string} options.show
 * @param {(string | number)[]} [options.ends] what the two ends stand for
 */
export function slider(demo, options) {
  const { label, role = "plain", min, max, step, position, move, show, ends = [] } = options;
  // Not <output>: the label would belong to it instead of the slider.
  const readout = html("span", { class: "readout" });
  const input = html("input", { type: "range", min, step, "aria-label": label });
  (options.into ?? demo.controls).append(
    html(
      "label",
      { class: `slider ${role}` },
      html("span", { class: "name" }, html("span", { class: "word" }, label), readout),
      input,
      html(
        "span",
        { class: "ends", "aria-hidden": true },
        ...ends.map((end) => html("span", {}, end)),
      ),
    ),
  );
  input.addEventListener("input", () => move(Number(input.value)));
  demo.refreshers.push(() => {
    input.max = String(typeof max === "function" ? max() : max);
    // The browser rounds to the nearest step; writing back while it is dragged would make it
    // stutter.
    const place = position();
    if (Math.abs(Number(input.value) - place) > step / 2) input.value = String(place);
    readout.textContent = show();
    put(input, { "aria-valuetext": show() });
  });
  return input;
}

/**
 * A labelled menu. `options` gives pairs of a value and its name and may change; `chosen` reads the
 * value from the model, `choose` writes it back.
 * @param {Demo} demo
 * @param {object} menu
 * @param {string} menu.label
 * @param {() => [value: string | number, name: string][]} menu.options
 * @param {() => string | number} menu.chosen
 * @param {(value: string) => void} menu.choose
 */
export function menu(demo, { label, options, chosen, choose }) {
  const select = html("select", { "aria-label": label });
  demo.controls.append(
    html("label", { class: "menu" }, html("span", { class: "name" }, label), select),
  );
  select.addEventListener("change", () => choose(select.value));
  let offered = "";
  demo.refreshers.push(() => {
    const wanted = options();
    if (offered !== JSON.stringify(wanted)) {
      select.replaceChildren(...wanted.map(([value, name]) => html("option", { value }, name)));
      offered = JSON.stringify(wanted);
    }
    select.value = String(chosen());
  });
}

/**
 * A labelled box to tick over one boolean trait.
 * @param {Demo} demo
 * @param {{ label: string, trait: string }} options
 */
export function tick(demo, { label, trait }) {
  const box = html("input", { type: "checkbox" });
  demo.controls.append(html("label", { class: "tick" }, box, html("span", {}, label)));
  box.addEventListener("change", () => demo.set({ [trait]: box.checked }));
  demo.refreshers.push(() => {
    box.checked = demo.get(trait);
  });
}

/**
 * @param {Demo} demo
 * @param {string} label
 * @param {() => void} act
 * @param {HTMLElement} [into]
 */
export function button(demo, label, act, into = demo.controls) {
  const node = html("button", { type: "button" }, label);
  node.addEventListener("click", act);
  into.append(node);
  return node;
}

/**
 * Make a grid of buttons one stop of the Tab key: it reaches the button that was used last, arrow
 * keys the others. Home and End go to the ends of the row, in a single column to its ends.
 * @param {HTMLElement[][]} rows
 */
export function roveIn(rows) {
  const cells = rows.flat();
  /** @param {HTMLElement} current */
  const makeStop = (current) => {
    for (const cell of cells) put(cell, { tabindex: cell === current ? 0 : -1 });
  };
  rows.forEach((row, i) => {
    row.forEach((cell, j) => {
      cell.addEventListener("focus", () => makeStop(cell));
      // Safari does not focus a button that is pressed.
      cell.addEventListener("click", () => makeStop(cell));
      cell.addEventListener("keydown", (event) => {
        const column = row.length === 1;
        /** @type {Record<string, HTMLElement | undefined>} */
        const targets = {
          ArrowLeft: row[j - 1],
          ArrowRight: row[j + 1],
          ArrowUp: rows[i - 1]?.[j],
          ArrowDown: rows[i + 1]?.[j],
          Home: column ? rows[0][j] : row[0],
          End: column ? rows[rows.length - 1][j] : row[row.length - 1],
        };
        if (!(event.key in targets) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault(); // or the page would scroll
        targets[event.key]?.focus();
      });
    });
  });
  makeStop(cells[0]);
}
