// The frame of a demo: title, formula, Reset, a row of controls, a place for pictures, and the
// sentence that says in words what they show. Around it: what a demo asks of its model, and what it
// loads on demand.

import { html } from "./elements.js";

/** @import { Content } from "./elements.js" */

/**
 * What anywidget, and the host of a page without a kernel, give a front end.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, call: (...values: any[]) => void) => void} on
 * @property {(event: string, call: (...values: any[]) => void) => void} off
 * @property {(content: unknown) => void} send
 * @property {(name: string) => Promise<any>} [asset] only in a page without a kernel
 */

/** @typedef {{ model: Model, el: HTMLElement }} View */
/** @typedef {ReturnType<typeof frame>} Demo */

/** Milliseconds without a change before the sentence is renewed: a drag is read out once. */
const SPEAK_AFTER = 250;
/** Milliseconds after which a kernel that did not answer is taken for dead. */
const ANSWER_WITHIN = 60_000;

/**
 * Build the frame in `el`.
 * @param {View} view
 * @param {{ title: string, formula: Content[][] }} head `formula` is a list of equations
 */
export function frame({ model, el }, { title, formula }) {
  const reset = html("button", { type: "button", class: "reset" }, "Reset");
  const controls = html("div", { class: "controls" });
  const pictures = html("div", { class: "pictures" });
  const sentence = html("p", { class: "sentence", "aria-live": "polite" });
  const equations = formula.map((pieces) => html("span", {}, ...pieces));
  const root = html(
    "section",
    { class: "attn-demo", "aria-label": `Demo: ${title}` },
    html("header", {}, html("p", { class: "title" }, title), reset),
    html("p", { class: "formula" }, ...equations),
    controls,
    pictures,
    sentence,
  );
  el.replaceChildren(root);
  // In JupyterLab the arrow keys belong to the notebook unless this attribute says otherwise;
  // elsewhere (the book's own shortcuts, Colab) it is enough that a key pressed in the demo goes no
  // further. Ctrl-K and the like still do.
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });

  /** @type {[string, () => void][]} */
  const listeners = [];
  /** @type {(() => void)[]} what the controls do before each drawing */
  const refreshers = [];
  /** @type {number | undefined} */
  let speaking;
  const demo = {
    model,
    root,
    controls,
    pictures,
    refreshers,
    /** @param {string} name */
    get: (name) => model.get(name),
    /**
     * Change traits as one step: with a kernel, Python hears of them in one message.
     * @param {Record<string, unknown>} values
     */
    set(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
    /**
     * The sentence that says what the picture shows; renewed once the picture has come to rest.
     * @param {string} words
     */
    say(words) {
      clearTimeout(speaking);
      const renew = () => {
        if (sentence.textContent !== words) sentence.textContent = words;
      };
      if (sentence.textContent) speaking = setTimeout(renew, SPEAK_AFTER);
      else renew();
    },
    /**
     * The inputs and the numbers the picture was drawn from, in full precision, for whoever wants
     * to check them.
     * @param {Record<string, unknown>} numbers
     */
    publish(numbers) {
      const names = Object.keys(model.get("_start"));
      const inputs = Object.fromEntries(names.map((name) => [name, model.get(name)]));
      root.dataset.inputs = JSON.stringify(inputs);
      root.dataset.numbers = JSON.stringify(numbers);
    },
    /**
     * Draw now, and again whenever one of the traits changes, here, in another view or in Python.
     * @param {string[]} traits
     * @param {() => void} draw
     */
    watch(traits, draw) {
      const redraw = () => {
        for (const refresh of refreshers) refresh();
        draw();
      };
      for (const trait of traits) {
        model.on(`change:${trait}`, redraw);
        listeners.push([`change:${trait}`, redraw]);
      }
      redraw();
      return () => {
        clearTimeout(speaking);
        for (const [name, callback] of listeners) model.off(name, callback);
      };
    },
  };
  reset.addEventListener("click", () => demo.set(model.get("_start")));
  return demo;
}

/**
 * A panel of the demo: a heading and what is below it.
 * @param {Demo} demo
 * @param {Content[]} heading
 * @param {Node[]} children
 */
export function panel(demo, heading, ...children) {
  const caption = html("p", { class: "caption" }, ...heading);
  const node = html("div", { class: "panel" }, caption, ...children);
  demo.pictures.append(node);
  return node;
}

/**
 * Load what is too heavy for a notebook to carry, with words at `place` while it loads and if it
 * cannot.
 * @param {Demo} demo
 * @param {string} name of the asset
 * @param {string} what it is, as in "the weights of the model (1.2 MB)"
 * @param {HTMLElement} place
 * @returns {Promise<any>} its content; undefined if it could not be loaded, and the reader has been
 *   told
 */
export async function load(demo, name, what, place) {
  place.querySelector(":scope > .loading")?.remove(); // what was said of an earlier try
  const words = html("p", { class: "loading", role: "status" }, `Loading ${what} …`);
  place.append(words);
  try {
    const content = await ask(demo.model, name);
    words.remove();
    return content;
  } catch (error) {
    console.warn("demo:", error);
    words.replaceWith(
      html(
        "p",
        { class: "loading", role: "alert" },
        `This demo needs ${what}, which could not be loaded. If this page was opened from a ` +
          "folder, the folder must be " +
          "whole; if from the network, look at the connection. Then try again.",
      ),
    );
    return undefined;
  }
}

/**
 * A page has a host that loads assets from its own folder. In a notebook the kernel has them.
 * @param {Model} model
 * @param {string} name
 * @returns {Promise<any>}
 */
function ask(model, name) {
  if (model.asset) return model.asset(name);
  return new Promise((resolve, reject) => {
    /** @param {{ asset?: string, content?: unknown, error?: string }} message */
    const hear = (message) => {
      if (message.asset !== name) return;
      clearTimeout(waiting);
      model.off("msg:custom", hear);
      if (message.error) reject(new Error(message.error));
      else resolve(message.content);
    };
    const giveUp = () => hear({ asset: name, error: `the kernel did not send ${name}` });
    const waiting = setTimeout(giveUp, ANSWER_WITHIN);
    model.on("msg:custom", hear);
    model.send({ asset: name });
  });
}
