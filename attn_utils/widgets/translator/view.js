// Translator: type a sentence, see it translated and where the model looked, and break the model.

import { button, menu } from "../frame/controls.js";
import { html, put, word } from "../frame/elements.js";
import { frame, load, panel } from "../frame/frame.js";
import { fixed } from "../frame/math.js";
import { BUGS, readRows, score } from "./bugs.js";
import { makeMap } from "./map.js";
import { END, transformer, unpack } from "./model.js";
import { beamSearch, greedy } from "./search.js";
import {
  completed,
  completions,
  quote,
  readWords,
  tellFragment,
  tellLook,
  tellProblem,
} from "./words.js";

/** @import { Demo } from "../frame/frame.js" */
/** @import { Score } from "./bugs.js" */
/** @import { Model } from "./model.js" */
/** @import { Written } from "./search.js" */

const SPECIAL = 4; // symbols before the first word of a vocabulary
const OWN = "";
const EXAMPLES = [
  "the old man reads the book",
  "the cat sleeps",
  "my mother did not buy the red car",
  "the girl that he saw is intelligent",
  "we will sing when the queen arrives at the park",
  "lucas knows that we have two winter coats",
];
const SEARCHES = {
  greedy: "greedy: the best word at each step",
  beam: "beam: the best of 4 beginnings",
};

/** @param {string[]} words */
const numbered = (words) =>
  new Map(words.map((name, i) => /** @type {[string, number]} */ ([name, i])).slice(SPECIAL));

/**
 * The field in which one types, and words that complete the last one.
 * @type {(demo: Demo, known: string[]) => void}
 */
function field(demo, known) {
  const input = html("input", { type: "text", autocomplete: "off", autocapitalize: "none" });
  put(input, { spellcheck: "false", maxlength: 400 });
  const offers = html("div", { class: "offers", role: "group", "aria-label": "complete the word" });
  demo.controls.append(
    html("label", { class: "typed" }, html("span", { class: "name" }, "English sentence"), input),
    offers,
  );
  input.addEventListener("input", () => demo.set({ sentence: input.value }));
  let offered = "";
  demo.refreshers.push(() => {
    const text = demo.get("sentence");
    if (input.value !== text) input.value = text;
    const words = completions(text, known);
    if (words.join() === offered) return;
    offered = words.join();
    offers.replaceChildren();
    for (const name of words) {
      const take = () => {
        input.focus();
        demo.set({ sentence: completed(demo.get("sentence"), name) });
      };
      button(demo, name, take, offers);
    }
  });
}

/** What the demo is once it has the model. @type {(demo: Demo, content: any) => () => void} */
function run(demo, content) {
  const parameters = unpack(content);
  const numbers = { source: numbered(content.source), target: numbered(content.target) };
  const finite = new Set(content.finite);
  /** @type {Map<string, Model>} */
  const models = new Map();
  /** @param {string} bug */
  function modelWith(bug) {
    const model = models.get(bug) ?? transformer(content, parameters, bug);
    models.set(bug, model);
    return model;
  }
  field(demo, content.source.slice(SPECIAL));
  menu(demo, {
    label: "example",
    options: () => [
      [OWN, "your own"],
      ...EXAMPLES.map((text) => /** @type {[string, string]} */ ([text, text])),
    ],
    chosen: () => (EXAMPLES.includes(demo.get("sentence")) ? demo.get("sentence") : OWN),
    choose: (sentence) => demo.set({ sentence }),
  });
  menu(demo, {
    label: "search",
    options: () => Object.entries(SEARCHES),
    chosen: () => demo.get("search"),
    choose: (search) => demo.set({ search }),
  });
  menu(demo, {
    label: "bug",
    options: () => Object.entries(BUGS).map(([name, { label }]) => [name, label]),
    chosen: () => demo.get("bug"),
    choose: (bug) => demo.set({ bug }),
  });

  const french = html("p", { class: "french", lang: "fr" });
  const remark = html("p", { class: "hint" });
  panel(demo, ["The ", word("translation", "output")], french, remark).classList.add("whole");
  const map = makeMap();
  const caption = [
    "Mean ",
    word("weights", "weight"),
    " of all heads of cross-attention: a row for each ",
    word("word written", "query"),
    ", a column for each ",
    word("word read", "key"),
  ];
  panel(demo, caption, map.node);
  const counts = html("div", { class: "counts" });
  const counted = html("span");
  panel(demo, [counted], counts);

  /** @type {Map<string, Score>} */
  const scores = new Map();
  /** Words about the picture, and about the count once there is one. */
  let told = "";
  const tell = () => demo.say([told, tellScores()].filter((part) => part).join(" "));

  function tellScores() {
    const [whole, broken] = [scores.get("none"), scores.get(demo.get("bug"))];
    if (demo.get("bug") === "none" || !whole || !broken) return "";
    return (
      `With the bug ${broken.exact} of ${broken.of} held-out sentences are right, without it ` +
      `${whole.exact}; the alignment error rate is ${fixed(broken.AER, 2)} instead of ` +
      `${fixed(whole.AER, 2)}.`
    );
  }

  /** @type {(name: string, found: Score | undefined, done: number) => HTMLElement} */
  const line = (name, found, done) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, name),
      html("td", {}, found ? `${found.exact} of ${found.of}` : `… ${done}`),
      html("td", {}, found ? fixed(found.AER, 2) : "…"),
    );
  /** @param {number} done */
  function drawCounts(done) {
    const bug = demo.get("bug");
    counted.textContent = `${content.sentences.length} sentences held out of training, greedy`;
    if (bug === "none") {
      const hint = "Choose a bug: both translators, unbroken and broken, will do all of them.";
      counts.replaceChildren(html("p", { class: "hint" }, hint));
      return;
    }
    const head = ["", "exact match", "AER"].map((name) => html(name ? "th" : "td", {}, name));
    const [whole, broken] = [scores.get("none"), scores.get(bug)];
    counts.replaceChildren(
      html(
        "table",
        {},
        html("thead", {}, html("tr", {}, ...head)),
        html("tbody", {}, line("unbroken", whole, done), line("broken", broken, whole ? done : 0)),
      ),
      html("p", { class: "caught" }, html("strong", {}, "Caught by: "), `${BUGS[bug].test}.`),
    );
  }

  let counting = "";
  /** Count what is not counted yet; another bug chosen meanwhile ends it. */
  async function count() {
    const bug = demo.get("bug");
    if (bug === counting) return;
    counting = bug;
    for (const which of bug === "none" ? [] : ["none", bug]) {
      if (scores.has(which)) continue;
      /** @param {number} done */
      const go = (done) => {
        if (done % 5 === 0 && counting === bug) drawCounts(done);
        return counting === bug;
      };
      const found = await score(modelWith(which), which, content.sentences, numbers, go);
      if (!found) return;
      scores.set(which, found);
    }
    drawCounts(0);
    tell();
  }

  /** @param {string[]} words @returns {Written} */
  function translate(words) {
    const source = words.map((name) => numbers.source.get(name) ?? 0);
    const search = demo.get("search") === "beam" ? beamSearch : greedy;
    return search(modelWith(demo.get("bug")), source);
  }

  function draw() {
    const reading = readWords(demo.get("sentence"), numbers.source);
    const problem = tellProblem(reading, numbers.source);
    const { tokens, rows } = problem ? { tokens: [], rows: [] } : translate(reading.words);
    const read = rows.length ? readRows(rows, demo.get("bug")) : rows;
    const all = tokens.map((number) => content.target[number]);
    const ended = tokens.at(-1) === END;
    const written = ended ? all.slice(0, -1) : all;
    french.replaceChildren(problem ? "–" : word(written.join(" ") || "(no word)", "output"));
    const endless =
      ended || problem ? "" : `It did not come to an end: cut off after ${all.length} words.`;
    const fragment = problem ? "" : tellFragment(reading.words, finite);
    remark.textContent = problem || [fragment, endless].filter((part) => part).join(" ");
    map.draw(problem ? [] : reading.words, all, read, demo.get("description"));
    demo.publish({ weights: read, tokens });
    const look = tellLook(reading.words, written, read);
    told =
      problem ||
      `“${reading.words.join(" ")}” becomes ${quote(written)}.${look} ${remark.textContent}`.trim();
    drawCounts(0);
    tell();
    count();
  }
  const stop = demo.watch(["sentence", "search", "bug", "description"], draw);
  return () => {
    counting = "stopped";
    stop();
  };
}

/**
 * Wait until the reader is a screen or so away: a first visit need not load what stands far below.
 * @param {HTMLElement} element
 */
const near = (element) =>
  new Promise((resolve) => {
    const watcher = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watcher.disconnect();
        resolve(undefined);
      },
      { rootMargin: "600px" },
    );
    watcher.observe(element);
  });

/** @param {import("../frame/frame.js").View} view */
async function render(view) {
  const demo = frame(view, {
    title: "Translator",
    formula: [
      [
        "softmax(",
        word("q", "query"),
        " · ",
        word("k", "key"),
        " / √(d/h)) in 24 heads, 264,128 parameters",
      ],
    ],
  });
  let stop = () => {};
  const place = panel(demo, []);
  place.classList.add("whole");
  async function start() {
    demo.publish({});
    const content = await load(demo, "translator", "the translator (300 kB)", place);
    if (content) {
      place.remove();
      stop = run(demo, content);
      return;
    }
    const hint =
      "In a notebook the translator comes from a clone of the course’s repository; the installed " +
      "library alone is without it. The course’s page has it.";
    const again = button(demo, "Try again", () => place.replaceChildren() ?? start(), place);
    again.before(html("p", { class: "hint" }, hint));
  }
  const waiting = html("p", { class: "hint" }, "The translator (300 kB) loads as you come near.");
  place.append(waiting);
  await near(place);
  waiting.remove();
  await start();
  return () => stop();
}

export default { render };
