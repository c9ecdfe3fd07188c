// Why divide by √d: chapter 3's argument, on one random query and sixteen random keys.

const NUM_KEYS = 16, HIGHEST = 1024; // as in why_sqrt_d.py
const DIMENSIONS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const WIDTH = 340, SCORES = 140, WEIGHTS = 130, CHART = 150;
const LEFT = 34, RIGHT = 6, AIR = 8, LABEL = 24; // margins; a label stands above its bars
const SMALLEST_RANGE = 4; // the score axis shows at least −4 to 4, so that scaled scores do not look larger than they are
const COLUMNS = [
  { name: "q · k", short: "not scaled", color: "var(--soft)" },
  { name: "q · k / √d", short: "scaled", color: "var(--d-weight)" },
];

// ---- random numbers: integer arithmetic on 32 bits, so that Python draws the same ---------------------------

function mix(number) {
  number = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  number = Math.imul(number ^ (number >>> 13), 0xc2b2ae35);
  return (number ^ (number >>> 16)) >>> 0;
}

// Entry `coordinate` of vector `vector` (0 is the query) in a draw: it depends on nothing else.
function normal(start, vector, coordinate) {
  const place = coordinate * (NUM_KEYS + 1) + vector;
  const [first, second] = [0, 1].map((half) => (mix(start + 2 * place + half) + 0.5) / 2 ** 32);
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}

// ---- the formula --------------------------------------------------------------------------------------------

// Norm of the matrix of derivatives ∂wᵢ/∂sⱼ = wᵢ(δᵢⱼ − wⱼ), without writing the matrix down.
function gradientNorm(weights) {
  const squares = sum(weights.map((w) => w ** 2));
  return Math.sqrt(Math.max(0, squares - 2 * sum(weights.map((w) => w ** 3)) + squares ** 2));
}

function measure(dots, dimension) {
  const scores = [dots, dots.map((score) => score / Math.sqrt(dimension))];
  const weights = scores.map(softmax);
  return { scores, weights, entropy: weights.map(entropy), gradient_norm: weights.map(gradientNorm) };
}

// The measurements at each of the ascending dimensions, in one pass: a higher dimension only adds to the dot products.
function measureAll(draw, dimensions) {
  const start = mix(draw + 1);
  const dots = Array(NUM_KEYS).fill(0);
  let done = 0;
  return dimensions.map((dimension) => {
    for (; done < dimension; done++) {
      const query = normal(start, 0, done);
      dots.forEach((_, key) => (dots[key] += query * normal(start, key + 1, done)));
    }
    return measure([...dots], dimension);
  });
}

const deviation = (numbers) => {
  const center = sum(numbers) / numbers.length;
  return Math.sqrt(sum(numbers.map((x) => (x - center) ** 2)) / numbers.length);
};

function describe(dimension, { weights, gradient_norm: gradient }) {
  const [raw, scaled] = weights.map((row) => Math.max(...row));
  const state = raw > 0.95 ? "one key has nearly all the weight and the gradient has all but vanished"
    : raw > 0.6 ? "one key takes most of the weight" : "the weights are still spread";
  return `In ${dimension} dimension${dimension > 1 ? "s" : ""}, without scaling ${state}: the largest weight is ${percent(raw)}, ` +
    `the gradient norm ${fixed(gradient[0], 3)}. With scaling the largest weight is ${percent(scaled)}, the gradient norm ${fixed(gradient[1], 3)}.`;
}

function render({ model, el }) {
  const self = frame({ model, el }, {
    title: "Why divide by √d?",
    formula: [
      ["score = ", ["q", "query"], " · ", ["k", "key"], "  or  ", ["q", "query"], " · ", ["k", "key"], " / √d"],
      [["weights", "weight"], " = softmax(scores)"],
    ],
  });
  slider(self, {
    label: "dimension d", min: 0, max: DIMENSIONS.length - 1, step: 1,
    position: () => Math.log2(self.get("dimension")), move: (power) => self.set({ dimension: 2 ** power }),
    show: () => `d = ${self.get("dimension")}`, ends: ["1", HIGHEST],
  });
  button(self, "Another draw", () => self.set({ draw: (self.get("draw") + 1) % 1_000_000 })).classList.add("low");

  const across = scale([0, NUM_KEYS], [LEFT, WIDTH - RIGHT]);
  const thickness = 0.7 * (across(1) - across(0));
  const columns = COLUMNS.map(({ name, short }, i) => {
    const bars = picture(WIDTH, SCORES + WEIGHTS + 22, i ? `Scores and weights, ${short}` : self.get("description"));
    panel(self, [html("strong", {}, name), ` — ${short}`], bars);
    return bars;
  });
  const numbersOf = html("tbody");
  const whole = panel(self, ["The same in numbers"], html("table", {},
    html("thead", {}, html("tr", {}, html("td"), ...COLUMNS.map(({ name, short }) => html("th", { scope: "col" }, name)))), numbersOf));
  whole.classList.add("whole");
  const charts = ["Entropy of the weights", "Gradient norm"].map((name) => {
    const chart = picture(WIDTH, CHART, `${name} against the dimension, scaled and not`);
    panel(self, [name, " against d"], chart, legend(COLUMNS.map(({ short, color }) => ["", color, short])));
    return chart;
  });

  let curves, drawn;
  return self.watch(["dimension", "draw", "description"], () => {
    const dimension = self.get("dimension"), draw = self.get("draw");
    if (drawn !== draw) curves = measureAll(draw, DIMENSIONS);
    drawn = draw;
    const numbers = measureAll(draw, [dimension])[0];
    const { scores, weights } = numbers;

    put(columns[0], { "aria-label": self.get("description") });
    const reach = Math.max(SMALLEST_RANGE, 1.05 * Math.max(...scores.flat().map(Math.abs)));
    const up = scale([-reach, reach], [SCORES - AIR, LABEL]);
    const rise = scale([0, 1], [SCORES + WEIGHTS, SCORES + LABEL]);
    columns.forEach((bars, column) => {
      const bar = (i, from, to, color, kind) => svg("rect", {
        class: `glide ${kind}`, x: across(i + 0.5) - thickness / 2, width: thickness, y: Math.min(from, to), height: Math.max(Math.abs(from - to), 0.5), rx: 1.5, fill: color,
      });
      const tickAt = Math.pow(2, Math.floor(Math.log2(reach)));
      bars.replaceChildren(
        ...[-tickAt, tickAt].flatMap((y) => [line(LEFT, up(y), WIDTH - RIGHT, up(y), "grid"), text(minus(y), { x: LEFT - 6, y: up(y) + 4, class: "end" })]),
        ...scores[column].map((score, i) => bar(i, up(0), up(score), "var(--d-key)", "score")),
        line(LEFT, up(0), WIDTH - RIGHT, up(0), "axis"),
        text("scores", { x: LEFT, y: 12, class: "ink" }),
        ...[0.5, 1].flatMap((y) => [line(LEFT, rise(y), WIDTH - RIGHT, rise(y), "grid"), text(y, { x: LEFT - 6, y: rise(y) + 4, class: "end" })]),
        ...weights[column].map((weight, i) => bar(i, rise(0), rise(weight), "var(--d-weight)", "weight")),
        line(LEFT, rise(0), WIDTH - RIGHT, rise(0), "axis"),
        text("weights", { x: LEFT, y: SCORES + 12, class: "ink" }),
        text("16 keys", { x: (LEFT + WIDTH) / 2, y: SCORES + WEIGHTS + 17, class: "middle" }),
      );
    });

    const rows = [
      ["spread of the scores (standard deviation)", scores.map((row) => fixed(deviation(row), 2))],
      ["largest weight", weights.map((row) => fixed(Math.max(...row), 3))],
      [`entropy of the weights (at most log 16 = ${fixed(Math.log(NUM_KEYS), 2)})`, numbers.entropy.map((x) => fixed(x, 2))],
      ["gradient norm of the softmax", numbers.gradient_norm.map((x) => fixed(x, 3))],
    ];
    numbersOf.replaceChildren(...rows.map(([name, cells]) => html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((cell) => html("td", {}, cell)))));

    ["entropy", "gradient_norm"].forEach((quantity, i) => {
      const top = i ? 0.55 : Math.log(NUM_KEYS) * 1.05;
      const along = scale([0, DIMENSIONS.length - 1], [LEFT + 4, WIDTH - RIGHT - 6]);
      const high = scale([0, top], [CHART - 22, AIR]);
      const here = along(Math.log2(dimension));
      charts[i].replaceChildren(
        ...(i ? [0.25, 0.5] : [1, 2]).flatMap((y) => [line(LEFT, high(y), WIDTH - RIGHT, high(y), "grid"), text(y, { x: LEFT - 6, y: high(y) + 4, class: "end" })]),
        line(LEFT, high(0), WIDTH - RIGHT, high(0), "axis"),
        ...[1, 4, 16, 64, 256, 1024].map((d) => text(d, { x: along(Math.log2(d)), y: CHART - 4, class: d === 1024 ? "end" : "middle" })),
        line(here, AIR, here, high(0), "axis dashed"),
        ...COLUMNS.flatMap(({ color }, column) => [
          svg("path", { class: "curve", stroke: color, d: path(curves.map((at, j) => [along(j), high(at[quantity][column])])) }),
          svg("circle", { cx: here, cy: high(numbers[quantity][column]), r: 5.5, fill: color, stroke: "var(--surface)", "stroke-width": 1.5 }),
        ]),
      );
    });

    self.publish(numbers);
    self.say(describe(dimension, numbers));
  });
}

export default { render };
