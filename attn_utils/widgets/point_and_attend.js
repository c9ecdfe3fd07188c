// Point and attend: chapter 1's formula in the plane.

const SIZE = 380; // the picture is a square of this many units
const LIMIT = 3; // the plane reaches from −LIMIT to LIMIT
const FIELD = 120; // the background is computed on FIELD × FIELD points and smoothed by the browser
const STEP = 0.1; // an arrow key moves the query by this much, with Shift by five times as much
const COLDEST = 0.02, HOTTEST = 50;
const SHOWN = 0.045; // a smaller weight is not written beside its key: seven labels would hide the picture

const across = scale([-LIMIT, LIMIT], [0, SIZE]);
const upward = scale([-LIMIT, LIMIT], [SIZE, 0]);
const rgb = (color) => `rgb(${color.map((part) => Math.round(255 * clamp(part, 0, 1))).join(" ")})`;
const isDark = ([r, g, b]) => 0.2126 * r ** 2.2 + 0.7152 * g ** 2.2 + 0.0722 * b ** 2.2 < 0.3;
const readable = (color) => (isDark(color) ? "#fff" : "#111");

// The formula of the demo.
function attendTo(query, { keys, values, temperature }) {
  const scores = keys.map((key) => -0.5 * ((query[0] - key[0]) ** 2 + (query[1] - key[1]) ** 2));
  const weights = softmax(scores.map((score) => score / temperature));
  const output = [0, 1, 2].map((part) => dot(weights, values.map((value) => value[part])));
  return { scores, weights, output };
}

// What the output would be with the query anywhere: at low temperature a map of nearest keys, at high one grey.
function paintField(canvas, state) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(FIELD, FIELD);
  const at = (i) => -LIMIT + ((i + 0.5) / FIELD) * 2 * LIMIT;
  for (let row = 0; row < FIELD; row++) {
    for (let column = 0; column < FIELD; column++) {
      const { output } = attendTo([at(column), -at(row)], state);
      image.data.set([...output.map((part) => 255 * part), 255], 4 * (row * FIELD + column));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

function describe(query, weights, temperature) {
  const order = weights.map((w, i) => i).sort((a, b) => weights[b] - weights[a]);
  const share = (i) => `key ${i + 1} with ${percent(weights[i])}`;
  const spread = Math.exp(entropy(weights)) / weights.length;
  if (weights[order[0]] > 0.985)
    return `A look-up: key ${order[0] + 1} is nearest and gets all the weight. The output is its value.`;
  if (spread > 0.97)
    return `Nearly an average: each key gets between ${percent(weights[order.at(-1)])} and ${percent(weights[order[0]])}. ` +
      "The output hardly depends on where the query is.";
  const leading = order.filter((i) => weights[i] >= 0.1).slice(0, 3);
  return `Most of the weight goes to ${listed(leading.map(share))}. The output is a mixture of ` +
    `${leading.length > 1 ? "their colors" : "its color and a little of the others"}, in these proportions.`;
}

function render({ model, el }) {
  const self = frame({ model, el }, {
    title: "Point and attend",
    formula: [
      ["score = −½‖", ["query", "query"], " − ", ["key", "key"], "‖²"],
      [["weights", "weight"], " = softmax(scores / T)"],
      [["output", "output"], " = Σ ", ["weight", "weight"], " · ", ["value", "value"]],
    ],
  });
  const state = () => ({ keys: self.get("key_points"), values: self.get("value_colors"), temperature: self.get("temperature") });
  const moveTo = (x, y) => {
    const tidy = (number) => Math.round(1000 * clamp(number, -LIMIT, LIMIT)) / 1000;
    self.set({ query: [tidy(x), tidy(y)] });
  };

  slider(self, {
    label: "temperature", role: "weight", min: Math.log10(COLDEST), max: Math.log10(HOTTEST), step: 0.01,
    position: () => Math.log10(self.get("temperature")),
    move: (exponent) => self.set({ temperature: clamp(10 ** exponent, COLDEST, HOTTEST) }),
    show: () => `T = ${Number(self.get("temperature").toPrecision(2))}`,
    ends: ["look-up", "average"],
  });
  const steering = html("div", { class: "controls" });
  ["x", "y"].forEach((name, axis) => slider(self, {
    into: steering, label: `query ${name}`, role: "query", min: -LIMIT, max: LIMIT, step: STEP,
    position: () => self.get("query")[axis],
    move: (place) => {
      const query = [...self.get("query")];
      query[axis] = place;
      moveTo(...query);
    },
    show: () => fixed(self.get("query")[axis], 2),
    ends: axis ? ["down", "up"] : ["left", "right"],
  }));

  // The plane. Only the query can be focused; everything else is one picture with one description.
  const plane = picture(SIZE, SIZE, self.get("description"), { role: "group", class: "plane" });
  const field = svg("image", { width: SIZE, height: SIZE, preserveAspectRatio: "none", opacity: 0.3 });
  const links = svg("g", {}), dots = svg("g", { "aria-hidden": "true" });
  const inside = svg("circle", { r: 12.5 });
  const query = svg(
    "g", { class: "handle", tabindex: 0, role: "slider", "aria-label": "query", "aria-valuemin": -LIMIT, "aria-valuemax": LIMIT },
    svg("circle", { r: 30, fill: "transparent" }), // what a finger has to hit
    svg("circle", { r: 20, class: "ring" }),
    svg("circle", { r: 16, fill: "var(--surface)" }),
    inside,
    svg("circle", { r: 14.5, fill: "none", stroke: "var(--d-query)", "stroke-width": 4 }),
    text("query", { y: -24, class: "middle halo", "aria-hidden": "true", style: "fill: var(--t-query); font-weight: 600" }),
  );
  plane.append(
    svg("g", { style: "clip-path: inset(0 round 10px)", "aria-hidden": "true" }, field, links),
    svg("rect", { width: SIZE, height: SIZE, rx: 10, fill: "none", class: "axis", style: "stroke: var(--rule)" }),
    dots, query,
  );
  panel(self, ["Drag the ", word("query", "query"), ". The background is the output it would get there."], plane,
    html("p", { class: "hint" }, "Keyboard: focus the query, then use the arrow keys (Shift: larger steps), ",
      `1–${self.get("key_points").length} for a key, Home for the center.`));
  drag(plane, query, (x, y) => moveTo(across.inverse(x), upward.inverse(y)));
  query.addEventListener("keydown", (event) => {
    const [x, y] = self.get("query");
    const far = event.shiftKey ? 5 * STEP : STEP;
    const steps = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
    const key = self.get("key_points")[Number(event.key) - 1];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) moveTo(x + steps[event.key][0], y + steps[event.key][1]);
    else if (event.key === "Home") moveTo(0, 0);
    else if (key) moveTo(...key);
    else return;
    event.preventDefault(); // or the page would scroll
  });

  // The numbers: one row a key, and the output below.
  const rows = html("tbody");
  const swatch = html("div", { class: "swatch" });
  panel(self, ["The same in numbers"],
    html("table", {},
      html("thead", {}, html("tr", {}, ...["key", "score", "weight", ""].map((name) =>
        name ? html("th", { scope: "col" }, name === "score" ? name : word(name, name)) : html("td")))),
      rows),
    swatch, steering);

  const canvas = html("canvas", { width: FIELD, height: FIELD });
  let painted;
  return self.watch(["query", "temperature", "key_points", "value_colors", "description"], () => {
    const now = state();
    const [x, y] = self.get("query");
    const numbers = attendTo([x, y], now);
    const { scores, weights, output } = numbers;

    const wanted = JSON.stringify(now); // the background does not change while the query moves
    if (painted !== wanted) put(field, { href: paintField(canvas, now) });
    painted = wanted;

    put(plane, { "aria-label": self.get("description") });
    links.replaceChildren(...now.keys.map((key, i) => line(across(x), upward(y), across(key[0]), upward(key[1]), "link", {
      stroke: "var(--d-weight)", "stroke-width": 1 + 13 * weights[i], "stroke-opacity": 0.4 + 0.5 * weights[i], "stroke-linecap": "round",
    })));
    dots.replaceChildren(...now.keys.map((key, i) => svg(
      "g", { transform: `translate(${across(key[0])} ${upward(key[1])})` },
      svg("circle", { r: 15, fill: "var(--surface)", stroke: "var(--d-key)", "stroke-width": 2 }),
      svg("circle", { r: 12, fill: rgb(now.values[i]) }),
      text(i + 1, { y: 4.5, class: "middle", style: `fill: ${readable(now.values[i])}; font-weight: 650` }),
      ...(weights[i] >= SHOWN
        ? [text(percent(weights[i]), { y: 31, class: "middle halo", style: "fill: var(--t-weight); font-weight: 600" })] : []),
    )));
    put(query, {
      transform: `translate(${across(x)} ${upward(y)})`, "aria-valuenow": x,
      "aria-valuetext": `x ${fixed(x, 2)}, y ${fixed(y, 2)}`,
    });
    put(inside, { fill: rgb(output) });

    rows.replaceChildren(...now.keys.map((_, i) => html("tr", {},
      html("th", { scope: "row" }, html("span", { class: "chip", style: `background: ${rgb(now.values[i])}; color: ${readable(now.values[i])}` }, i + 1)),
      html("td", {}, fixed(scores[i], 2)),
      html("td", {}, fixed(weights[i], 3)),
      html("td", { class: "track" }, html("span", { class: "bar", style: `width: ${100 * weights[i]}%` })))));
    swatch.style.background = rgb(output);
    swatch.style.color = readable(output);
    swatch.textContent = `output = (${output.map((part) => fixed(part, 2)).join(", ")})`;

    self.publish(numbers);
    self.say(describe([x, y], weights, now.temperature));
  });
}

export default { render };
