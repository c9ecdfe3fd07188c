// A few options side by side, of which one is chosen: a native group of radio buttons.
/** @import { Demo } from "../frame/frame.js" */
/** @import { Role } from "../frame/elements.js" */

import { html, word } from "../frame/elements.js";

/**
 * Show the group among the controls. `options` gives their names and may change;
 * `chosen` reads the one from the model, `choose` writes it back.
 * @param {Demo} demo
 * @param {object} group
 * @param {string} group.label
 * @param {Role} [group.role] of what is chosen
 * @param {() => string[]} group.options
 * @param {() => string} group.chosen
 * @param {(name: string) => void} group.choose
 */
export function choice(demo, { label, role, options, chosen, choose }) {
  const boxes = html("span", { class: "options" });
  const legend = html("legend", {}, role ? word(label, role) : label);
  demo.controls.append(html("fieldset", { class: "choose" }, legend, boxes));
  // Buttons of one name exclude each other, in the whole page.
  const group = `choice-${Math.random().toString(36).slice(2)}`;
  let offered = "";
  demo.refreshers.push(() => {
    const names = options();
    if (offered !== JSON.stringify(names)) {
      const labels = names.map((name) => {
        const input = html("input", { type: "radio", name: group, value: name });
        input.addEventListener("change", () => choose(name));
        return html("label", { class: "tick" }, input, html("span", {}, name));
      });
      boxes.replaceChildren(...labels);
      offered = JSON.stringify(names);
    }
    for (const input of boxes.querySelectorAll("input")) input.checked = input.value === chosen();
  });
}
