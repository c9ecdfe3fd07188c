// Kernel explorer: chapter 2's regression, one row of its weights, and the error against the width.

const WIDTH = 340, HEIGHT = 230, STEMS = 70; // both pictures; below the data, the strip with the weights
const LEFT = 30, RIGHT = 8, TOP = 10, BOTTOM = 42; // margins
const NARROWEST = 0.05, WIDEST = 5, NUM_WIDTHS = 101; // as in kernel_explorer.py
const STEP = 0.05; // an arrow key moves the query by this much
const DOMAIN = [0, 5];
const ERROR_TOP = 1.25; // the error axis ends here; curves that go higher leave the picture
const KERNELS = { gaussian: "Gaussian", box: "box", triangle: "triangle", epanechnikov: "Epanechnikov" };

// Log-kernels of the distance in widths: −∞ outside the window, so that the softmax gives weight 0 there.
const LOG_KERNELS = {
  gaussian: (u) => -0.5 * u * u,
  box: (u) => (u <= 1 ? 0 : -Infinity),
  triangle: (u) => (u < 1 ? Math.log(1 - u) : -Infinity),
  epanechnikov: (u) => (u < 1 ? Math.log(1 - u * u) : -Infinity),
};

const WIDTHS = Array.from({ length: NUM_WIDTHS }, (_, i) => NARROWEST * (WIDEST / NARROWEST) ** (i / (NUM_WIDTHS - 1)));
const mean = (numbers) => sum(numbers) / numbers.length;

// The formula of the demo. `without` leaves one training point out.
function weightsAt(x, { kernel, width, keys }, without = -1) {
  const logKernel = LOG_KERNELS[kernel];
  return softmax(keys.map((key, i) => (i === without ? -Infinity : logKernel(Math.abs(x - key) / width))));
}
const fitAt = (x, data, without) => dot(weightsAt(x, data, without), data.values);
const leaveOneOut = (data) => mean(data.keys.map((key, i) => (fitAt(key, data, i) - data.values[i]) ** 2));
const fitOn = (data) => data.xTest.map((x) => fitAt(x, data));
const trueError = (data, fit) => mean(fit.map((y, i) => (y - data.yTest[i]) ** 2));

function describe(data, x, numbers) {
  const { weights, output, loo_error: loo, true_error: truth, best_width: best } = numbers;
  const used = weights.filter((w) => w > 0.001).length;
  const ratio = data.width / best;
  const verdict = ratio > 1.6 ? "too wide: the fit misses the shape of the curve"
    : ratio < 0.62 ? "too narrow: the fit follows the noise" : "close to the best width";
  const row = used ? `The query at x = ${fixed(x, 2)} averages ${used} of ${weights.length} points and gets ${fixed(output, 2)}.`
    : `The query at x = ${fixed(x, 2)} has no point in its window: all weights are 0, and so is the output.`;
  return `${row} Width ${fixed(data.width, 2)} is ${verdict}. Leave-one-out error ${fixed(loo, 2)}, ` +
    `error against the truth ${fixed(truth, 2)}.`;
}

function render({ model, el }) {
  const self = frame({ model, el }, {
    title: "Kernel explorer",
    formula: [
      [["weights", "weight"], " = softmax(log K((", ["x", "query"], " − ", ["xⱼ", "key"], ") / width))"],
      [["fit", "output"], " = Σ ", ["weight", "weight"], " · ", ["yⱼ", "value"]],
    ],
  });
  const tidy = (number) => Math.round(1e4 * number) / 1e4;
  const setWidth = (exponent) => self.set({ width: clamp(tidy(10 ** exponent), NARROWEST, WIDEST) });
  const setX = (x) => self.set({ x: clamp(tidy(x), ...DOMAIN) });

  menu(self, { label: "kernel", trait: "kernel", options: KERNELS });
  slider(self, {
    label: "width", role: "weight", min: Math.log10(NARROWEST), max: Math.log10(WIDEST), step: 0.02,
    position: () => Math.log10(self.get("width")), move: setWidth,
    show: () => fixed(self.get("width"), 2), ends: ["narrow", "wide"],
  });
  slider(self, {
    label: "query x", role: "query", min: DOMAIN[0], max: DOMAIN[1], step: STEP,
    position: () => self.get("x"), move: setX, show: () => fixed(self.get("x"), 2), ends: ["0", "5"],
  });

  // The data, the fit, and below them one row of weights.
  const plot = picture(WIDTH, HEIGHT + STEMS, self.get("description"), { class: "sideways" });
  const across = scale(DOMAIN, [LEFT, WIDTH - RIGHT]);
  const [low, high] = range([...self.get("y_train"), ...self.get("y_test")]);
  const upward = scale([low, high], [HEIGHT, TOP]);
  const floor = HEIGHT + STEMS - 20;
  const moving = svg("g", {}), points = svg("g", {});
  for (let y = Math.ceil(low); y <= high; y++) {
    plot.append(line(LEFT, upward(y), WIDTH - RIGHT, upward(y), "grid"), text(minus(y), { x: LEFT - 6, y: upward(y) + 4, class: "end" }));
  }
  for (let x = 0; x <= 5; x++) plot.append(text(x, { x: across(x), y: HEIGHT + STEMS - 3, class: "middle" }));
  plot.append(line(LEFT, floor, WIDTH - RIGHT, floor, "axis"), moving, points);
  panel(self, ["Drag the ", word("query", "query"), ": each point counts as much as its ", word("weight", "weight"), " below."], plot,
    legend([["dashed", "var(--soft)", "truth"], ["", "var(--d-output)", "fit"], ["dot", "var(--d-value)", "data"]]));
  drag(plot, null, (x) => setX(across.inverse(x)));

  // The error against the width.
  const TALL = HEIGHT + STEMS;
  const errors = picture(WIDTH, TALL, "Error against the width of the kernel", { class: "sideways" });
  const sideways = scale([Math.log10(NARROWEST), Math.log10(WIDEST)], [LEFT, WIDTH - RIGHT]);
  const rise = scale([0, ERROR_TOP], [TALL - BOTTOM, TOP]);
  for (const y of [0, 0.5, 1]) errors.append(line(LEFT, rise(y), WIDTH - RIGHT, rise(y), y ? "grid" : "axis"), text(y, { x: LEFT - 6, y: rise(y) + 4, class: "end" }));
  for (const x of [0.05, 0.1, 0.2, 0.5, 1, 2, 5]) errors.append(text(x, { x: sideways(Math.log10(x)), y: TALL - 25, class: "middle" }));
  errors.append(text("width", { x: (LEFT + WIDTH) / 2, y: TALL - 6, class: "middle" }));
  const curves = svg("g", {});
  errors.append(curves);
  const readout = html("table", {}), buttons = html("div", { class: "controls" });
  panel(self, ["Mean squared error against the width"], errors,
    legend([["", "var(--d-weight)", "leave-one-out"], ["dashed", "var(--soft)", "against the truth"]]), readout, buttons);
  drag(errors, null, (x) => setWidth(sideways.inverse(clamp(x, LEFT, WIDTH - RIGHT))));
  button(self, "Take the best width", () => self.set({ width: tidy(best(self, data()).width) }), buttons);

  const data = () => ({
    kernel: self.get("kernel"), width: self.get("width"), keys: self.get("x_train"), values: self.get("y_train"),
    xTest: self.get("x_test"), yTest: self.get("y_test"),
  });
  return self.watch(["kernel", "width", "x", "x_train", "y_train", "x_test", "y_test", "description"], () => {
    const now = data();
    const x = self.get("x");
    const fit = fitOn(now);
    const { width: bestWidth, loo, truth } = best(self, now);
    const weights = weightsAt(x, now);
    const numbers = {
      weights, output: dot(weights, now.values), loo_error: leaveOneOut(now), true_error: trueError(now, fit), best_width: bestWidth,
    };

    put(plot, { "aria-label": self.get("description") });
    const tallest = Math.max(...weights, 1e-9);
    const stem = (w) => (STEMS - 34) * (w / tallest); // the strip is as high as the largest weight of this row
    moving.replaceChildren(
      line(across(x), TOP, across(x), floor, "", { stroke: "var(--d-query)", "stroke-width": 1.5 }),
      svg("path", { d: path(now.xTest.map((t, i) => [across(t), upward(now.yTest[i])])), class: "curve dashed", stroke: "var(--soft)", style: "stroke-width: 1.5" }),
      svg("path", { d: path(now.xTest.map((t, i) => [across(t), upward(clamp(fit[i], low, high))])), class: "curve", stroke: "var(--d-output)" }),
    );
    points.replaceChildren(
      ...now.keys.flatMap((key, i) => {
        const share = weights[i] / tallest;
        return [
          svg("circle", {
            cx: across(key), cy: upward(now.values[i]), r: 2.5 + 3.5 * share, fill: "var(--d-value)", "fill-opacity": 0.3 + 0.6 * share,
          }),
          line(across(key), floor, across(key), floor - stem(weights[i]), "stem", { stroke: "var(--d-weight)", "stroke-width": 3 }),
        ];
      }),
      svg("circle", { cx: across(x), cy: upward(clamp(numbers.output, low, high)), r: 7, fill: "var(--d-output)", stroke: "var(--surface)", "stroke-width": 2 }),
      svg("path", { d: `M${across(x)},${floor - 1}l-6,9h12z`, fill: "var(--d-query)" }),
    );

    const place = sideways(Math.log10(now.width)), goal = sideways(Math.log10(bestWidth));
    const curve = (ys) => path(ys.map((y, i) => [sideways(Math.log10(WIDTHS[i])), y]).filter(([, y]) => y <= ERROR_TOP).map(([a, y]) => [a, rise(y)]));
    curves.replaceChildren(
      line(goal, TOP + 16, goal, TALL - BOTTOM, "axis dashed"),
      text(`best ${fixed(bestWidth, 2)}`, { x: goal, y: TOP + 8, class: "middle" }),
      svg("path", { d: curve(truth), class: "curve dashed", stroke: "var(--soft)", style: "stroke-width: 1.5" }),
      svg("path", { d: curve(loo), class: "curve", stroke: "var(--d-weight)" }),
      line(place, TOP + 16, place, TALL - BOTTOM, "", { stroke: "var(--d-weight)", "stroke-opacity": 0.45 }),
      svg("circle", { cx: place, cy: rise(Math.min(numbers.loo_error, ERROR_TOP)), r: 7, fill: "var(--d-weight)", stroke: "var(--surface)", "stroke-width": 2 }),
    );
    readout.replaceChildren(html("tbody", {},
      row("leave-one-out error", fixed(numbers.loo_error, 3)), row("error against the truth", fixed(numbers.true_error, 3))));

    self.publish(numbers);
    self.say(describe(now, x, numbers));
  });
}

const row = (name, number) => html("tr", {}, html("th", { scope: "row" }, name), html("td", {}, number));

function range(numbers) {
  const low = Math.min(...numbers), high = Math.max(...numbers), air = 0.05 * (high - low);
  return [low - air, high + air];
}

// Both error curves of a kernel and the best width. Half a million exponentials, so they are kept until the kernel changes.
const known = new WeakMap();
function best(self, data) {
  const { width: _, ...rest } = data;
  const name = JSON.stringify(rest);
  if (known.get(self)?.name !== name) {
    const loo = WIDTHS.map((width) => leaveOneOut({ ...rest, width }));
    const truth = WIDTHS.map((width) => trueError(rest, fitOn({ ...rest, width })));
    known.set(self, { name, loo, truth, width: WIDTHS[loo.indexOf(Math.min(...loo))] });
  }
  return known.get(self);
}

export default { render };
