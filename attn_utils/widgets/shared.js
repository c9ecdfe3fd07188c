// What all demos share. `front_end` in demo.py puts this text in front of a demo's own, so nothing is imported here:
// a front end has to be one module to live inside a notebook.

const SVG = "http://www.w3.org/2000/svg";
const SPEAK_AFTER = 250; // milliseconds without a change before the sentence is renewed: a drag is read out once

// ---- numbers -------------------------------------------------------------------------------------------------

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const dot = (a, b) => sum(a.map((x, i) => x * b[i]));

// The library's masked softmax: a score of −∞ gets weight 0, and so does every key of a row with nothing but −∞.
function softmax(scores) {
  const top = Math.max(...scores);
  if (top === -Infinity) return scores.map(() => 0);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

// How evenly the weights are spread, in nats: 0 for one key, log k for k equal ones.
const entropy = (weights) => -sum(weights.map((w) => (w > 0 ? w * Math.log(w) : 0)));

const clamp = (number, low, high) => Math.min(high, Math.max(low, number));
// A linear map from one interval to another, and back with `.inverse`.
function scale([from, to], [start, end]) {
  const map = (number) => start + ((number - from) / (to - from)) * (end - start);
  map.inverse = (place) => from + ((place - start) / (end - start)) * (to - from);
  return map;
}
const minus = (text) => String(text).replace("-", "−"); // a hyphen is too short to be seen as a sign
const fixed = (number, digits) => minus((Math.abs(number) < 0.5 * 10 ** -digits ? 0 : number).toFixed(digits));
const percent = (share) => `${Math.round(100 * share)}%`;
const listed = (words) =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;

// ---- elements ------------------------------------------------------------------------------------------------

function put(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

function html(tag, attributes = {}, ...children) {
  const node = put(document.createElement(tag), attributes);
  node.append(...children);
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = put(document.createElementNS(SVG, tag), attributes);
  node.append(...children);
  return node;
}

const text = (content, attributes) => svg("text", attributes, content);
const line = (x1, y1, x2, y2, kind, more = {}) => svg("line", { x1, y1, x2, y2, class: kind, ...more });
const path = (points) => "M" + points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L");

// A picture. With role="img" it is one thing with one description; a picture with handles in it is a group.
function picture(width, height, label, { role = "img", ...more } = {}) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role, "aria-label": label, ...more });
}

// Where the pointer is, in the units of the picture's viewBox.
function position(picture, event) {
  const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
  return [x, y];
}

// Call `move(x, y)` while something is dragged. A mouse may start anywhere in the picture. A finger on `handle` drags;
// elsewhere it scrolls the page, and a tap moves there. Without a handle, CSS says which finger movements are ours.
function drag(picture, handle, move) {
  let held = null;
  const go = (event) => move(...position(picture, event));
  picture.addEventListener("pointerdown", (event) => {
    const mine = event.pointerType !== "touch" || !handle || handle.contains(event.target);
    if (!mine || event.button !== 0) return;
    held = event.pointerId;
    picture.setPointerCapture(held);
    event.preventDefault(); // or the browser would select text while dragging
    handle?.focus({ preventScroll: true });
    go(event);
  });
  // Browsers do not all obey touch-action inside a picture: without this the page would scroll away under the finger.
  handle?.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  picture.addEventListener("pointermove", (event) => event.pointerId === held && go(event));
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, () => (held = null));
  picture.addEventListener("click", (event) => event.pointerType === "touch" && go(event));
}

// ---- the frame of a demo -------------------------------------------------------------------------------------

// Build the frame in `el`: title, formula, Reset, a row of controls, a place for pictures, and the sentence.
// `formula` is a list of equations, each a list of pieces: plain text, or [text, role] for a word in its color.
function frame({ model, el }, { title, formula }) {
  const reset = html("button", { type: "button", class: "reset" }, "Reset");
  const controls = html("div", { class: "controls" });
  const pictures = html("div", { class: "pictures" });
  const sentence = html("p", { class: "sentence", "aria-live": "polite" });
  const root = html(
    "section", { class: "attn-demo", "aria-label": `Demo: ${title}` },
    html("header", {}, html("p", { class: "title" }, title), reset),
    html("p", { class: "formula" }, ...formula.map((equation) =>
      html("span", {}, ...equation.map((part) => (Array.isArray(part) ? word(...part) : part))))),
    controls, pictures, sentence,
  );
  el.replaceChildren(root);
  // In JupyterLab the arrow keys belong to the notebook unless this attribute says otherwise; elsewhere (the book's own
  // shortcuts, Colab) it is enough that a key pressed in the demo goes no further. Ctrl-K and the like still do.
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => !event.ctrlKey && !event.metaKey && !event.altKey && event.stopPropagation());

  const listeners = [];
  const refreshers = [];
  let speaking;
  const self = {
    model, root, controls, pictures, refreshers,
    get: (name) => model.get(name),
    // Change traits as one step: with a kernel, Python hears of them in one message.
    set(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
    // The sentence that says what the picture shows; renewed once the picture has come to rest.
    say(words) {
      clearTimeout(speaking);
      if (!sentence.textContent) sentence.textContent = words;
      else speaking = setTimeout(() => sentence.textContent !== words && (sentence.textContent = words), SPEAK_AFTER);
    },
    // The inputs and the numbers the picture was drawn from, in full precision, for whoever wants to check them.
    publish(numbers) {
      const inputs = Object.keys(model.get("_start")).map((name) => [name, model.get(name)]);
      root.dataset.inputs = JSON.stringify(Object.fromEntries(inputs));
      root.dataset.numbers = JSON.stringify(numbers);
    },
    // Draw now, and again whenever one of the traits changes, here, in another view or in Python.
    watch(traits, draw) {
      const redraw = () => {
        refreshers.forEach((refresh) => refresh());
        draw();
      };
      for (const trait of traits) {
        model.on(`change:${trait}`, redraw);
        listeners.push([`change:${trait}`, redraw]);
      }
      redraw();
      return () => {
        clearTimeout(speaking);
        listeners.forEach(([name, callback]) => model.off(name, callback));
      };
    },
  };
  reset.addEventListener("click", () => self.set(model.get("_start")));
  return self;
}

// A word in the color of its part in attention: query, key, value, weight or output.
const word = (content, role) => html("span", { class: `word ${role}` }, content);

// A labelled slider with a readout. `position` reads the slider's place from the model, `move` writes it back.
function slider(self, { into = self.controls, label, role = "plain", min, max, step, position, move, show, ends = [] }) {
  const readout = html("span", { class: "readout" }); // not <output>: the label would belong to it instead of the slider
  const input = html("input", { type: "range", min, max, step, "aria-label": label });
  into.append(
    html("label", { class: `slider ${role}` },
      html("span", { class: "name" }, html("span", { class: "word" }, label), readout),
      input,
      html("span", { class: "ends", "aria-hidden": "true" }, ...ends.map((end) => html("span", {}, end)))),
  );
  input.addEventListener("input", () => move(Number(input.value)));
  self.refreshers.push(() => {
    // The browser rounds to the nearest step; writing back while it is dragged would make it stutter.
    if (Math.abs(Number(input.value) - position()) > step / 2) input.value = position();
    readout.textContent = show();
    put(input, { "aria-valuetext": show() });
  });
  return input;
}

// A labelled menu over one trait. `options` maps a value to its name.
function menu(self, { label, trait, options }) {
  const select = html("select", { "aria-label": label }, ...Object.entries(options).map(([value, name]) => html("option", { value }, name)));
  self.controls.append(html("label", { class: "menu" }, html("span", { class: "name" }, label), select));
  select.addEventListener("change", () => self.set({ [trait]: select.value }));
  self.refreshers.push(() => (select.value = self.get(trait)));
}

// A labelled box to tick over one boolean trait.
function tick(self, { label, trait }) {
  const box = html("input", { type: "checkbox" });
  self.controls.append(html("label", { class: "tick" }, box, html("span", {}, label)));
  box.addEventListener("change", () => self.set({ [trait]: box.checked }));
  self.refreshers.push(() => (box.checked = self.get(trait)));
}

function button(self, label, act, into = self.controls) {
  const node = html("button", { type: "button" }, label);
  node.addEventListener("click", act);
  into.append(node);
  return node;
}

// A panel of the demo: a heading and what is below it.
function panel(self, heading, ...children) {
  const node = html("div", { class: "panel" }, html("p", { class: "caption" }, ...[heading].flat()), ...children);
  self.pictures.append(node);
  return node;
}

// What the lines and dots of a picture stand for: a list of [kind, color, name].
function legend(entries) {
  return html("p", { class: "legend" }, ...entries.map(([kind, color, name]) =>
    html("span", {}, html("i", { class: kind, style: `--c: ${color}` }), name)));
}
