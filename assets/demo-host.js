// Brings the demos of a page to life without a kernel, a widget manager or a network.
//
// A rendered notebook holds the state of all its widgets in one <script type="…widget-state+json">, and one
// <script type="…widget-view+json"> where each is to be seen. A demo is an anywidget: its front-end module is part of
// its state. This script gives each model the interface that anywidget front ends expect (get, set, on, off,
// save_changes, send) and lets the module draw. Views of one model share that model.
//
// It is a classic script, loaded with `defer`: browsers refuse module scripts from disk. Whatever goes wrong becomes a
// sentence on the page, never an empty box.

(() => {
  "use strict";
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  // An error whose message is written for the reader of the page.
  class Said extends Error {}
  const DAMAGED = "The data of this demo are missing from this page or damaged. " +
    "Open the chapter as a notebook, in Colab or Jupyter, and run the cell above to see it.";
  const FAILED = "This demo could not start in your browser. A current version of Firefox, Chrome, Edge or Safari shows " +
    "it; so does the chapter opened as a notebook, in Colab or Jupyter.";
  const STOPPED = "This demo stopped because of an error. Reload the page to start it again.";
  const NEEDS_KERNEL = "This control runs Python. Open the chapter as a notebook, in Colab or Jupyter, and run the " +
    "cell above to use it.";

  // The part of a widget model that front ends rely on. `set` tells the listeners at once; there is no kernel to save to.
  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = [];
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      const values = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(values).filter((key) => this.state[key] !== values[key]);
      Object.assign(this.state, values);
      for (const key of changed) this.tell(`change:${key}`, values[key]);
      if (changed.length) this.tell("change");
    }
    tell(event, value) {
      for (const listener of [...this.listeners]) if (listener.event === event) listener.call(this, value);
    }
    on(event, call, owner) {
      for (const name of event.split(" ")) this.listeners.push({ event: name, call, owner });
    }
    off(event, call, owner) {
      this.listeners = this.listeners.filter((listener) =>
        (event && listener.event !== event) || (call && listener.call !== call && listener.original !== call) ||
        (owner && listener.owner !== owner));
    }
    save_changes() {}
    send() {}
  }

  // What one view sees of its model: the same state, but an error in its listener stops this view and no other.
  function seenBy(view, model, fail) {
    const on = (event, call) => {
      const guarded = (...values) => {
        try {
          call(...values);
        } catch (error) {
          model.off(null, null, view);
          fail(error);
        }
      };
      model.on(event, guarded, view);
      model.listeners.filter((listener) => listener.call === guarded).forEach((listener) => (listener.original = call));
    };
    return {
      get: (name) => model.get(name),
      set: (name, value) => model.set(name, value),
      on,
      off: (event, call) => model.off(event, call, view),
      save_changes: () => model.save_changes(),
      send: () => model.send(),
    };
  }

  const states = new Map(); // model id -> what the notebook stored for it
  const models = new Map(); // model id -> promise of { model, front }
  const modules = new Map(); // source text -> promise of the module, so that it is loaded once a page
  const styles = new Set();

  function readStates() {
    for (const script of document.querySelectorAll(STATE)) {
      try {
        for (const [id, entry] of Object.entries(JSON.parse(script.textContent).state)) states.set(id, entry);
      } catch (error) {
        console.error("demo-host: this widget state cannot be read", error);
      }
    }
  }

  function load(source) {
    if (!modules.has(source)) {
      const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      modules.set(source, import(address).finally(() => URL.revokeObjectURL(address)));
    }
    return modules.get(source);
  }

  async function start(id) {
    const entry = states.get(id);
    if (!entry || !entry.state) throw new Said(DAMAGED);
    if (entry.model_module !== "anywidget") throw new Said(NEEDS_KERNEL);
    const { _esm: source, _css: style } = entry.state;
    if (typeof source !== "string") throw new Said(DAMAGED);
    if (style && !styles.has(style)) {
      styles.add(style);
      document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
    }
    const module = await load(source);
    const front = typeof module.default === "function" ? await module.default() : module.default;
    const model = new Model(entry.state);
    await front.initialize?.({ model });
    return { model, front };
  }

  async function show(script) {
    const box = document.createElement("div");
    box.className = "demo-host";
    box.dataset.demo = "loading";
    script.after(box);
    const fail = (words) => (error) => {
      const said = error instanceof Said;
      if (!said) console.error("demo-host:", error);
      const sentence = document.createElement("p");
      sentence.setAttribute("role", said && error.message === NEEDS_KERNEL ? "note" : "alert");
      sentence.textContent = said ? error.message : words;
      sentence.style.cssText = "border: 1px solid; border-radius: 8px; padding: 0.7rem 1rem"; // the demo's own style may be missing
      box.replaceChildren(sentence);
      box.dataset.demo = said && error.message === NEEDS_KERNEL ? "kernel" : "broken";
    };
    try {
      let id;
      try {
        id = JSON.parse(script.textContent).model_id;
      } catch {
        throw new Said(DAMAGED);
      }
      if (!models.has(id)) models.set(id, start(id));
      const { model, front } = await models.get(id);
      await front.render({ model: seenBy(box, model, fail(STOPPED)), el: box });
      if (!box.childNodes.length) throw new Error("the front end drew nothing");
      if (box.dataset.demo === "loading") box.dataset.demo = "ready";
    } catch (error) {
      fail(FAILED)(error);
    }
  }

  function run() {
    readStates();
    document.querySelectorAll(VIEW).forEach(show);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
