// Brings the demos of a page to life without a kernel, a widget manager or a network.
//
// A rendered notebook holds the state of all its widgets in one <script type="…widget-state+json">,
// and one <script type="…widget-view+json"> where each is to be seen. A demo is an anywidget: its
// front-end module is part of its state. This script gives each model the interface that anywidget
// front ends expect (get, set, on, off, save_changes, send) and lets the module draw. Views of one
// model share that model. Before a view may stand a .demo-host, a box whose height is reserved.
//
// What is too heavy for a notebook is an asset: a file demos/NAME.js beside this one, which says
// demoAsset("NAME", content) and is loaded when a front end asks, model.asset("NAME").
//
// All are classic scripts, this one loaded with `defer`: browsers refuse module scripts and fetch
// from disk. Whatever goes wrong becomes a sentence on the page, never an empty box.

(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const FOLDER = new URL("demos/", /** @type {HTMLScriptElement} */ (document.currentScript).src);

  /** An error whose message is written for the reader of the page. */
  class Said extends Error {}
  const DAMAGED =
    "The data of this demo are missing from this page or damaged. " +
    "Open the chapter as a notebook, in Colab or Jupyter, and run the cell above to see it.";
  const FAILED =
    "This demo could not start in your browser. A current version of Firefox, Chrome, Edge or " +
    "Safari shows it; so does the chapter opened as a notebook, in Colab or Jupyter.";
  const STOPPED = "This demo stopped because of an error. Reload the page to start it again.";
  const NEEDS_KERNEL =
    "This control runs Python. Open the chapter as a notebook, in Colab or Jupyter, and run the " +
    "cell above to use it.";

  /** @typedef {(...values: any[]) => void} Call */
  /** @typedef {{ event: string, call: Call, original: Call, owner: unknown }} Listener */
  /** @typedef {{ model_module?: string, state?: Record<string, any> }} Stored */
  /** @typedef {(context: object) => unknown} Hook */
  /** @typedef {{ initialize?: Hook, render: Hook }} Front */

  /**
   * The part of a widget model that front ends rely on. `set` tells the listeners at once; there is
   * no kernel to save to.
   */
  class Model {
    /** @param {Record<string, any>} state */
    constructor(state) {
      this.state = state;
      /** @type {Listener[]} */
      this.listeners = [];
    }
    /** @param {string} name */
    get(name) {
      return this.state[name];
    }
    /**
     * @param {string | Record<string, unknown>} name
     * @param {unknown} [value]
     */
    set(name, value) {
      const values = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(values).filter((key) => this.state[key] !== values[key]);
      Object.assign(this.state, values);
      for (const key of changed) this.tell(`change:${key}`, values[key]);
      if (changed.length) this.tell("change");
    }
    /**
     * @param {string} event
     * @param {unknown} [value]
     */
    tell(event, value) {
      for (const listener of [...this.listeners]) {
        if (listener.event === event) listener.call.call(this, value);
      }
    }
    /**
     * @param {string} events separated by blanks
     * @param {Call} call what is called
     * @param {Call} original what the front end gave, and will take back
     * @param {unknown} owner
     */
    on(events, call, original, owner) {
      for (const event of events.split(" ")) this.listeners.push({ event, call, original, owner });
    }
    /**
     * @param {string | null | undefined} event any without one
     * @param {Call | null | undefined} original any without one
     * @param {unknown} owner
     */
    off(event, original, owner) {
      this.listeners = this.listeners.filter(
        (listener) =>
          (event && listener.event !== event) ||
          (original && listener.original !== original) ||
          listener.owner !== owner,
      );
    }
  }

  /**
   * What one view sees of its model: the same state, but an error in its listener stops this view
   * and no other.
   * @param {unknown} view
   * @param {Model} model
   * @param {(error: unknown) => void} fail
   */
  function seenBy(view, model, fail) {
    return {
      get: (/** @type {string} */ name) => model.get(name),
      set: (/** @type {string} */ name, /** @type {unknown} */ value) => model.set(name, value),
      on(/** @type {string} */ events, /** @type {Call} */ call) {
        /** @type {Call} */
        const guarded = (...values) => {
          try {
            call(...values);
          } catch (error) {
            model.off(null, null, view);
            fail(error);
          }
        };
        model.on(events, guarded, call, view);
      },
      off: (/** @type {string} */ event, /** @type {Call} */ call) => model.off(event, call, view),
      save_changes() {},
      send() {},
      asset,
    };
  }

  /** @type {Map<string, Stored>} model id -> what the notebook stored for it */
  const states = new Map();
  /** @type {Map<string, Promise<{ model: Model, front: Front }>>} by model id */
  const models = new Map();
  /** @type {Map<string, Promise<any>>} by source text, so that a module is loaded once a page */
  const modules = new Map();
  /** @type {Map<string, Promise<any>>} by name */
  const assets = new Map();
  /** @type {Map<string, (content: unknown) => void>} by name: who waits for an asset's script */
  const waiting = new Map();
  const styles = new Set();
  let failures = 0; // of assets

  function readStates() {
    for (const script of document.querySelectorAll(STATE)) {
      try {
        const { state } = JSON.parse(script.textContent ?? "");
        for (const [id, entry] of Object.entries(state)) states.set(id, entry);
      } catch (error) {
        console.error("demo-host: this widget state cannot be read", error);
      }
    }
  }

  /** @param {string} source */
  function load(source) {
    let module = modules.get(source);
    if (!module) {
      const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      module = import(address).finally(() => URL.revokeObjectURL(address));
      modules.set(source, module);
    }
    return module;
  }

  /**
   * Load an asset once. After a failure the next call tries again.
   * @param {string} name
   * @returns {Promise<any>}
   */
  function asset(name) {
    const known = assets.get(name);
    if (known) return known;
    const script = document.createElement("script");
    const loading = new Promise((resolve, reject) => {
      if (!/^[\w-]+$/.test(name)) throw new Error(`${name} is no name of an asset`);
      waiting.set(name, resolve);
      // If it did, this comes too late to say so.
      script.onload = () => reject(new Error(`${script.src} did not bring ${name}`));
      script.onerror = () => reject(new Error(`${script.src} could not be loaded`));
      // What did not do once may lie in the browser's cache.
      script.src = new URL(`${name}.js${failures ? `?again=${failures}` : ""}`, FOLDER).href;
      document.head.append(script);
    }).finally(() => script.remove());
    assets.set(name, loading);
    loading.catch(() => {
      assets.delete(name);
      failures += 1;
    });
    return loading;
  }
  Object.assign(window, {
    demoAsset(/** @type {string} */ name, /** @type {unknown} */ content) {
      waiting.get(name)?.(content);
    },
  });

  /** @param {string} id */
  async function start(id) {
    const entry = states.get(id);
    if (!entry?.state) throw new Said(DAMAGED);
    if (entry.model_module !== "anywidget") throw new Said(NEEDS_KERNEL);
    const { _esm: source, _css: style } = entry.state;
    if (typeof source !== "string") throw new Said(DAMAGED);
    if (style && !styles.has(style)) {
      styles.add(style);
      const sheet = document.createElement("style");
      sheet.textContent = style;
      document.head.append(sheet);
    }
    const module = await load(source);
    /** @type {Front} */
    const front = typeof module.default === "function" ? await module.default() : module.default;
    const model = new Model(entry.state);
    await front.initialize?.({ model: seenBy(model, model, console.error) });
    return { model, front };
  }

  /**
   * The box in which a view is drawn: the one that the page made room for, or a new one after it.
   * @param {Element} script
   */
  function boxFor(script) {
    const reserved = script.previousElementSibling?.querySelector(":scope > .demo-host");
    if (reserved instanceof HTMLElement) return reserved;
    const box = document.createElement("div");
    box.className = "demo-host";
    script.after(box);
    return box;
  }

  /** @param {Element} script */
  async function show(script) {
    const box = boxFor(script);
    box.dataset.demo = "loading";
    /** @type {(words: string) => (error: unknown) => void} */
    const fail = (words) => (error) => {
      const said = error instanceof Said;
      const kernel = said && error.message === NEEDS_KERNEL;
      if (!said) console.error("demo-host:", error);
      const sentence = document.createElement("p");
      sentence.setAttribute("role", kernel ? "note" : "alert");
      sentence.textContent = said ? error.message : words;
      // The demo's own style may be missing.
      sentence.style.cssText = "border: 1px solid; border-radius: 8px; padding: 0.7rem 1rem";
      box.replaceChildren(sentence);
      box.dataset.demo = kernel ? "kernel" : "broken";
    };
    try {
      let id;
      try {
        id = JSON.parse(script.textContent ?? "").model_id;
      } catch {
        throw new Said(DAMAGED);
      }
      const started = models.get(id) ?? start(id);
      models.set(id, started);
      const { model, front } = await started;
      await front.render({ model: seenBy(box, model, fail(STOPPED)), el: box });
      if (!box.childNodes.length) throw new Error("the front end drew nothing");
      if (box.dataset.demo === "loading") box.dataset.demo = "ready";
    } catch (error) {
      fail(FAILED)(error);
    }
  }

  function run() {
    readStates();
    for (const script of document.querySelectorAll(VIEW)) show(script);
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
