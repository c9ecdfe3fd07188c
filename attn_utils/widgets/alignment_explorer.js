// Alignment explorer: chapter 4's translator, one written word at a time.

const END = "</s>"; // what the translator writes when it is done
const THICKEST = 10; // pixels: a thread of weight 1
const PAST = 0.35; // how visible the threads of earlier steps are, beside those of the step shown
const FULL = 62; // percent of violet behind a word of weight 1: more, and the word would be hard to read
const NOTABLE = 0.1; // a smaller weight is not put into words, nor drawn among the earlier steps
const SHOWN = 0.045; // a smaller weight is not written beside its word when a column is shown
const CELL = 1.1; // rem: a cell of the small matrix, where there is room
const STRETCH = 1.35; // the shorter sentence is spread out by up to this much

// ---- the formula --------------------------------------------------------------------------------------------

const additiveScore = (query, key, v) => sum(v.map((v_a, a) => v_a * Math.tanh(query[a] + key[a])));

function attendTo({ queries, keys }, v) {
  const scores = queries.map((query) => keys.map((key) => additiveScore(query, key, v)));
  return { scores, weights: scores.map(softmax) };
}

// ---- words --------------------------------------------------------------------------------------------------

const numbersOf = (rows) => rows.map((row) => row.split(" ").map(Number)); // a vector travels as one text
const indices = (list) => list.map((_, i) => i);

// A word in quotes, in brackets what tells it from its doubles and what else there is to say of it.
function named(words, i, ...more) {
  const double = words.indexOf(words[i]) !== words.lastIndexOf(words[i]);
  const remarks = [...(double ? [`word ${i + 1}`] : []), ...more];
  return `“${words[i]}”${remarks.length ? ` (${remarks.join(", ")})` : ""}`;
}

// The words with the largest weights, the largest first, at most three.
function leading(words, weights) {
  const order = indices(words).filter((i) => weights[i] >= NOTABLE).sort((a, b) => weights[b] - weights[a]);
  return order.slice(0, 3).map((i) => named(words, i, fixed(weights[i], 2)));
}

function linked(record, side, index) {
  const other = 1 - side, words = side ? record.source : record.target;
  const ends = (links) => links.filter((link) => link[side] === index).map((link) => link[other]).sort((a, b) => a - b);
  const sure = ends(record.sure);
  const maybe = ends(record.possible).filter((i) => !sure.includes(i));
  return { words, sure, maybe };
}

function tellGold(record, side, index) {
  const { words, sure, maybe } = linked(record, side, index);
  const names = [...sure.map((i) => named(words, i)), ...maybe.map((i) => named(words, i, "possible"))];
  return names.length ? ` Gold: ${listed(names)}.` : "";
}

// What the reference has where the translation departs from it.
function tellDifference({ target, differences }, step) {
  const written = target.length - Number(target[target.length - 1] === END);
  const quoted = (words) => `“${words.join(" ")}”`;
  return differences.map(([from, to, expected]) => {
    if (from < to) return step >= from && step < to ? ` The reference has ${expected.length ? quoted(expected) : "nothing"} here.` : "";
    if (step === from) return ` Before it the reference has ${quoted(expected)}.`;
    return from === written && step === target.length - 1 ? ` The reference goes on with ${quoted(expected)}.` : "";
  }).join("");
}

function tellStep(record, weights, step, gold) {
  const { source, target, candidates } = record;
  const word = target[step], top = leading(source, weights);
  const chosen = candidates[step].find(([candidate]) => candidate === word);
  return `Step ${step + 1} of ${target.length} writes “${word}”${word === END ? ", the end of the sentence," : ""}` +
    `${chosen ? ` (probability ${fixed(chosen[1], 2)})` : ""}. ` +
    (Math.max(...weights) >= 0.5 ? `It looks mostly at ${top[0]}.`
    : Math.max(...weights) < 1.5 / weights.length ? "It spreads its weight almost evenly."
    : top.length ? `It spreads its weight, most of all on ${listed(top)}.` : "It looks at no word in particular.") +
    (gold ? tellGold(record, 1, step) : "") + tellDifference(record, step);
}

function tellColumn(record, column, index, gold) {
  const { source, target } = record;
  const top = leading(target, column), many = column.filter((weight) => weight >= NOTABLE).length > top.length;
  return `${named(source, index)} ${top.length ? `is looked at when ${listed(top)} ${top.length > 1 ? "are" : "is"} written` +
    (many ? ", and by other steps" : "") : `gets less than ${NOTABLE} in every step`}. ` +
    `All ${target.length} steps together give it ${fixed(sum(column), 2)}.${gold ? tellGold(record, 0, index) : ""}`;
}

// ---- the picture --------------------------------------------------------------------------------------------

// A button for each word; Tab reaches one of them, arrow keys the others. `look` hears which word is looked at.
function wordButtons(words, look, press) {
  const buttons = words.map((content, i) => {
    const button = html("button", { type: "button", class: "token glide", tabindex: i ? -1 : 0 }, html("span", {}, content));
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && look(i));
    button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && look(null));
    button.addEventListener("focus", () => {
      buttons.forEach((other) => put(other, { tabindex: other === button ? 0 : -1 }));
      look(i);
    });
    button.addEventListener("blur", () => look(null));
    button.addEventListener("click", () => press(i));
    button.addEventListener("keydown", (event) => {
      const to = { ArrowUp: i - 1, ArrowDown: i + 1, Home: 0, End: words.length - 1 }[event.key];
      if (event.key === "Escape") look(null);
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      buttons[to]?.focus();
    });
    return button;
  });
  return buttons;
}

// A cell with a bar behind its number.
function barCell(kind) {
  const bar = html("i", { class: "glide" }), number = html("span");
  const cell = html("td", { class: kind }, bar, number);
  return {
    cell,
    show(from, to, label) {
      bar.style.left = `${100 * Math.min(from, to)}%`;
      bar.style.width = `${100 * Math.abs(to - from)}%`;
      number.textContent = label;
    },
  };
}

// A curve from source word to written word, in the units of a picture that is stretched: across 100, down one a row.
const thread = (from, to, kind, more) => svg("path", { d: `M0,${from}C45,${from} 55,${to} 100,${to}`, class: kind, ...more });

function render({ model, el }) {
  const self = frame({ model, el }, {
    title: "Alignment explorer",
    formula: [
      ["score a", html("sub", {}, "i"), " = v · tanh(W", html("sub", {}, "q"), " ", ["s", "query"], " + W", html("sub", {}, "k"), " ", ["h", "key"], html("sub", {}, "i"), ")"],
      [["weights", "weight"], " = softmax(a)"],
    ],
  });

  // The sentence shown and its numbers, computed once for each.
  const known = new WeakMap();
  function current() {
    const sentences = self.get("sentences"), v = self.get("v");
    const raw = sentences[clamp(self.get("sentence"), 0, sentences.length - 1)];
    if (known.get(raw)?.v !== v) {
      const record = { ...raw, queries: numbersOf(raw.queries), keys: numbersOf(raw.keys) };
      known.set(raw, { v, record, ...attendTo(record, v) });
    }
    return known.get(raw);
  }
  const lastStep = () => current().record.target.length - 1;
  const atStep = () => clamp(self.get("step"), 0, lastStep());
  const go = (step) => self.set({ step: clamp(step, 0, lastStep()) });

  menu({ ...self, set: ({ sentence }) => self.set({ step: 0, sentence: Number(sentence) }) },
    { label: "sentence", trait: "sentence", options: [] });
  const choices = self.controls.querySelector("select");
  let labels = "";
  self.refreshers.unshift(() => {
    const wanted = self.get("sentences").map(({ label }) => label);
    if (labels !== (labels = wanted.join("\n"))) choices.replaceChildren(...wanted.map((label, i) => html("option", { value: i }, label)));
  });
  const place = slider(self, {
    label: "step", role: "output", min: 0, max: 1, step: 1, position: atStep, move: go,
    show: () => `${atStep() + 1} of ${lastStep() + 1}`,
  });
  self.refreshers.unshift(() => (place.max = lastStep()));
  const buttons = html("div", { class: "steps low" });
  const back = button(self, "Previous", () => go(atStep() - 1), buttons);
  const forth = button(self, "Next", () => go(atStep() + 1), buttons);
  self.controls.append(buttons);
  tick(self, { label: "gold links", trait: "gold" });

  self.pictures.classList.add("weave");
  const strip = svg("svg", { class: "strip", role: "img", preserveAspectRatio: "none" });
  const length = html("span");
  panel(self, [word("Query", "query"), ": the ", length, " numbers of W", html("sub", {}, "q"), " s"], strip).classList.add("strips");

  const threads = svg("svg", { class: "threads", role: "img", preserveAspectRatio: "none" });
  const rows = html("tbody"), written = html("ol");
  const heading = (content) => html("span", { class: "heading" }, content);
  const heads = ["score", word("weight", "weight"), "source"].map((name) => html("th", { scope: "col" }, heading(name)));
  const source = html("table", { class: "source" }, html("thead", {}, html("tr", {}, ...heads)), rows);
  const reference = html("p", { class: "reference" });
  const loom = html("div", { class: "loom" }, source, threads, html("div", { class: "target" }, html("p", {}, heading("translation")), written));
  const signs = html("div");
  panel(self, ["Point at a source word to see which steps look at it, at a written word to see its step"], loom, signs, reference,
    html("p", { class: "hint" }, "Keyboard: Tab reaches a column of words, the arrow keys move in it. Enter on a written word goes to its step."),
  ).classList.add("looms");

  const choice = html("tbody");
  panel(self, ["Words to choose from"], html("table", { class: "choice" },
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "word"), html("th", { scope: "col" }, "probability"), html("td"))), choice))
    .classList.add("choices");
  const map = svg("svg", { class: "map", role: "img", preserveAspectRatio: "none" });
  panel(self, [word("Weights", "weight"), " of all steps: a row for each, a column for each source word"], map).classList.add("maps");

  let looked = {}; // which word the reader looks at: {}, { source: index } or { target: index }
  const look = (side) => (index) => {
    looked = index === null ? {} : { [side]: index };
    draw();
  };
  self.root.addEventListener("pointerdown", (event) => !event.target.closest(".token") && looked.source !== undefined && look()(null));

  let shown, parts; // the sentence that is laid out, and its elements
  function layOut({ record, scores }) {
    const sides = [record.source, record.target];
    const longest = Math.max(...sides.map((words) => words.length));
    const pitch = sides.map((words) => clamp(longest / words.length, 1, STRETCH));
    const middle = sides.map((words, side) => words.map((_, i) => (i + 0.5) * pitch[side]));
    const tall = Math.max(...sides.map((words, side) => words.length * pitch[side]));
    looked = {};
    const tokens = [
      wordButtons(record.source, look("source"), look("source")),
      wordButtons(record.target, look("target"), go),
    ];
    const bars = record.source.map(() => ({ score: barCell("score"), weight: barCell("weight") }));
    rows.replaceChildren(...bars.map(({ score, weight }, j) => html("tr", {}, score.cell, weight.cell, html("th", { scope: "row" }, tokens[0][j]))));
    const shares = record.target.map(() => html("span", { class: "share" }));
    written.replaceChildren(...tokens[1].map((token, i) => html("li", {}, shares[i], token)));
    const strange = indices(record.target).map((i) => record.differences.some(([from, to]) => i >= from && i < to));
    tokens[1].forEach((token, i) => token.classList.toggle("strange", strange[i]));
    loom.style.setProperty("--rows", tall);
    loom.classList.toggle("dense", longest > 12);
    source.style.setProperty("--pitch", pitch[0]);
    written.style.setProperty("--pitch", pitch[1]);
    put(threads, { viewBox: `0 0 100 ${tall}` });
    reference.textContent = record.differences.length ? `Reference: ${record.reference.join(" ")}` : "";
    const flat = scores.flat();
    const reach = scale([Math.min(0, ...flat), Math.max(0, ...flat)], [0, 1]);
    loom.style.setProperty("--zero", `${100 * reach(0)}%`);
    const loudest = Math.max(...record.queries.flat().map(Math.abs), 1e-9);
    parts = { tokens, bars, shares, strange, middle, reach, loudest };
    shown = record;
  }

  function drawThreads({ record, weights }, step, gold) {
    const { middle } = parts, focus = looked.source;
    const path = (j, i, weight, opacity, kind) => thread(middle[0][j], middle[1][i], kind, {
      "stroke-width": THICKEST * weight, "stroke-opacity": opacity,
    });
    const strong = (i, j) => (focus === undefined ? i === step : j === focus);
    const cells = weights.flatMap((row, i) => row.map((weight, j) => [i, j, weight]));
    const past = cells.filter(([i, j, weight]) => !strong(i, j) && i <= atStep() && weight >= NOTABLE);
    const links = gold ? record.possible.map(([j, i]) => [j, i, record.sure.some((link) => link[0] === j && link[1] === i) ? "sure" : "possible"]) : [];
    threads.replaceChildren(
      ...past.map(([i, j, weight]) => path(j, i, weight, PAST, "thread")),
      ...cells.filter(([i, j]) => strong(i, j)).map(([i, j, weight]) => path(j, i, weight, 0.3 + 0.6 * weight, "thread strong")),
      ...links.map(([j, i, kind]) => thread(middle[0][j], middle[1][i], `gold ${kind} ${strong(i, j) ? "strong" : ""}`)),
    );
  }

  function drawMap({ record, weights }, step, gold) {
    const [s, t] = [record.source.length, record.target.length];
    const box = (j, i, wide, high, kind, more) => svg("rect", { x: j, y: i, width: wide, height: high, class: kind, ...more });
    put(map, { viewBox: `0 0 ${s} ${t}`, style: `aspect-ratio: ${s} / ${t}; max-width: ${CELL * s}rem`, "aria-label": `Weights of all ${t} steps on all ${s} source words` });
    map.replaceChildren(
      box(0, 0, s, t, "ground"),
      ...weights.flatMap((row, i) => row.map((weight, j) => box(j, i, 1, 1, "cell", { "fill-opacity": weight }))),
      ...(gold ? record.possible.map(([j, i]) => box(j + 0.15, i + 0.15, 0.7, 0.7, record.sure.some((link) => link[0] === j && link[1] === i) ? "sure" : "possible")) : []),
      looked.source === undefined ? box(0, step, s, 1, "here") : box(looked.source, 0, 1, t, "here"),
    );
  }

  function draw() {
    const now = current();
    const { record, scores, weights } = now;
    if (shown !== record) layOut(now); // forgets the word that was looked at in another sentence
    const gold = self.get("gold"), step = looked.target ?? atStep(), focus = looked.source;
    const { tokens, bars, shares, strange, reach, loudest } = parts;
    const share = (token, weight) => token.style.setProperty("--share", `${FULL * weight}%`);

    put(back, { "aria-disabled": String(atStep() === 0) });
    put(forth, { "aria-disabled": String(atStep() === lastStep()) });
    put(threads, { "aria-label": self.get("description") });
    record.source.forEach((content, j) => {
      bars[j].score.show(reach(0), reach(scores[step][j]), fixed(scores[step][j], 1));
      bars[j].weight.show(0, weights[step][j], fixed(weights[step][j], 2));
      share(tokens[0][j], focus === undefined ? weights[step][j] : 0);
      tokens[0][j].classList.toggle("looked", focus === j);
      put(tokens[0][j], { "aria-label": `${content}, source word ${j + 1}` });
    });
    record.target.forEach((content, i) => {
      const column = focus === undefined ? 0 : weights[i][focus];
      share(tokens[1][i], column);
      shares[i].textContent = column >= SHOWN ? fixed(column, 2) : "";
      put(tokens[1][i], {
        "aria-current": i === atStep() && "step",
        "aria-label": `${content}, written in step ${i + 1}${strange[i] ? ", not in the reference" : ""}`,
      });
      tokens[1][i].classList.toggle("looked", focus === undefined && i === step);
      tokens[1][i].classList.toggle("later", i > atStep());
    });
    drawThreads(now, step, gold);
    drawMap(now, step, gold);

    const query = record.queries[step];
    length.textContent = query.length;
    put(strip, { viewBox: `0 -1 ${query.length} 2`, "aria-label": `The query of step ${step + 1}, ${query.length} numbers as bars` });
    strip.replaceChildren(
      ...query.map((number, a) => svg("rect", { class: "glide", x: a + 0.1, width: 0.8, y: Math.min(0, -number / loudest), height: Math.abs(number) / loudest })),
      line(0, 0, query.length, 0, "axis"));
    choice.replaceChildren(...record.candidates[step].map(([candidate, probability]) => {
      const chosen = candidate === record.target[step];
      return html("tr", { class: chosen ? "chosen" : "" },
        html("th", { scope: "row" }, candidate, ...(chosen ? [" ", html("small", {}, "written")] : [])),
        html("td", {}, probability < 0.0005 ? "< 0.001" : fixed(probability, 3)),
        html("td", { class: "track" }, html("span", { class: "bar glide", style: `width: ${100 * probability}%` })));
    }));
    signs.replaceChildren(legend([
      ["", "var(--d-weight)", "weight"],
      ...(gold && record.possible.length ? [["dashed", "var(--ink)", "gold link, sure"], ["dotted", "var(--ink)", "gold link, possible"]] : []),
      ...(strange.some(Boolean) ? [["wavy", "var(--d-key)", "not in the reference"]] : []),
    ]));

    self.publish({ scores: scores[atStep()], weights: weights[atStep()], all_weights: weights });
    self.say(focus === undefined ? tellStep(record, weights[step], step, gold) : tellColumn(record, weights.map((row) => row[focus]), focus, gold));
  }
  return self.watch(["sentence", "step", "gold", "sentences", "v", "description"], draw);
}

export default { render };
