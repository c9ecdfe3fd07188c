// Elements of a page and of a picture, and what a pointer does in one.

const SVG = "http://www.w3.org/2000/svg";

/**
 * With false, null or undefined there is no such attribute.
 * @typedef {string | number | boolean | null | undefined} Attribute
 */
/** @typedef {Record<string, Attribute>} Attributes */
/** @typedef {string | number | Node} Content */
/** @typedef {"query" | "key" | "value" | "weight" | "output"} Role of a word in attention */

/**
 * @template {Element} Node
 * @param {Node} node
 * @param {Attributes} attributes
 * @returns {Node}
 */
export function put(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {Content[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function html(tag, attributes = {}, ...children) {
  const node = put(document.createElement(tag), attributes);
  node.append(.../** @type {(string | Node)[]} */ (children));
  return node;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {Content[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const node = put(document.createElementNS(SVG, tag), attributes);
  node.append(.../** @type {(string | Node)[]} */ (children));
  return /** @type {SVGElementTagNameMap[Tag]} */ (node);
}

/**
 * A word in the color of its part in attention.
 * @param {Content} content
 * @param {Role} role
 */
export const word = (content, role) => html("span", { class: `word ${role}` }, content);

/**
 * A letter with an index below it.
 * @param {Content} letter
 * @param {string} index
 */
export const indexed = (letter, index) => html("span", {}, letter, html("sub", {}, index));

/** @typedef {[kind: string, color: string, name: string]} Sign what a line or dot stands for */

/**
 * What the lines and dots of a picture stand for.
 * @param {Sign[]} signs
 */
export function legend(signs) {
  /** @param {Sign} sign */
  const entry = ([kind, color, name]) =>
    html("span", {}, html("i", { class: kind, style: `--c: ${color}` }), name);
  return html("p", { class: "legend" }, ...signs.map(entry));
}

/**
 * @param {Content} content
 * @param {Attributes} attributes
 */
export const text = (content, attributes) => svg("text", attributes, content);

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 * @param {string} kind
 * @param {Attributes} [more]
 */
export const line = (x1, y1, x2, y2, kind, more = {}) =>
  svg("line", { x1, y1, x2, y2, class: kind, ...more });

/**
 * The `d` of a path through the points.
 * @param {number[][]} points
 */
export const path = (points) =>
  `M${points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join("L")}`;

/**
 * A picture. With role="img" it is one thing with one description; a picture with handles in it is
 * a group.
 * @param {number} width
 * @param {number} height
 * @param {string} label
 * @param {Attributes} [more]
 */
export const picture = (width, height, label, more = {}) =>
  svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, ...more });

/**
 * Where the pointer is, in the units of the picture's viewBox.
 * @param {SVGSVGElement} picture
 * @param {MouseEvent} event
 */
function position(picture, event) {
  const toPicture = picture.getScreenCTM()?.inverse();
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(toPicture);
}

/**
 * Call `move(x, y)` while something is dragged. A mouse may start anywhere in the picture. A finger
 * on `handle` drags; elsewhere it scrolls the page, and a tap moves there. Without a handle, CSS
 * says which finger movements are ours.
 * @param {SVGSVGElement} picture
 * @param {SVGElement | null} handle
 * @param {(x: number, y: number) => void} move
 */
export function drag(picture, handle, move) {
  /** @type {number | null} */
  let held = null;
  /** @param {MouseEvent} event */
  const go = (event) => {
    const { x, y } = position(picture, event);
    move(x, y);
  };
  picture.addEventListener("pointerdown", (event) => {
    const onHandle = handle?.contains(/** @type {Node} */ (event.target));
    const mine = event.pointerType !== "touch" || !handle || onHandle;
    if (!mine || event.button !== 0) return;
    held = event.pointerId;
    picture.setPointerCapture(held);
    event.preventDefault(); // or the browser would select text while dragging
    handle?.focus({ preventScroll: true });
    go(event);
  });
  // Browsers do not all obey touch-action inside a picture: without this the page would scroll away
  // under the finger.
  handle?.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  picture.addEventListener("pointermove", (event) => {
    if (event.pointerId === held) go(event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    picture.addEventListener(end, () => {
      held = null;
    });
  }
  picture.addEventListener("click", (event) => {
    if (/** @type {PointerEvent} */ (event).pointerType === "touch") go(event);
  });
}
