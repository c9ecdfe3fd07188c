// Mask editor: chapter 3's masked softmax, cell by cell.

const NAIVE_FILL = -1e6; // as in mask_editor.py
const WHY = { length: "beyond the valid length", causal: "later than the query", hand: "masked by hand" };

const FULL = 62; // percent of violet in a cell of weight 1: more, and its figures would be hard to read

const ith = (i) => i + 1; // readers count from 1

// Why a cell is closed: a list, empty if the query may attend to the key.
function reasons({ lengths, causal, blocked, scores }, i, j) {
  const shift = scores[0].length - scores.length; // the last query sees the last key
  return [j >= lengths[i] && "length", causal && j > i + shift && "causal", blocked[i][j] && "hand"].filter(Boolean);
}

// The formula of the demo.
function maskAndWeigh(state) {
  const mask = state.scores.map((row, i) => row.map((_, j) => reasons(state, i, j).length === 0));
  const filled = (fill) => state.scores.map((row, i) => softmax(row.map((score, j) => (mask[i][j] ? score : fill))));
  return { mask, weights: filled(-Infinity), naive_weights: filled(NAIVE_FILL) };
}

function describe({ naive }, { mask }) {
  const open = sum(mask.flat().map(Number));
  const empty = mask.flatMap((row, i) => (row.some(Boolean) ? [] : [ith(i)]));
  const rows = empty.length > 1 ? `Queries ${listed(empty)} have` : `Query ${empty[0]} has`;
  const one = empty.length > 1 ? "these rows get" : "this row gets";
  return `${open} of ${mask.flat().length} cells are open. ` + (
    !empty.length ? "Every query has something to attend to, and its weights sum to 1."
    : naive ? `${rows} nothing to attend to, yet with −10⁶ in place of −∞ ${one} equal weights: an average over masked keys.`
    : `${rows} nothing to attend to: ${one} weights 0 and output 0, not an average over masked keys.`);
}

function render({ model, el }) {
  const self = frame({ model, el }, {
    title: "Mask editor",
    formula: [
      ["mask = length mask & causal mask & your clicks"],
      [["weights", "weight"], " = masked_softmax(scores, mask)"],
    ],
  });
  const inputs = () => Object.fromEntries(["scores", "lengths", "causal", "blocked", "naive"].map((name) => [name, self.get(name)]));
  tick(self, { label: "causal: no query sees a later key", trait: "causal" });
  tick(self, { label: "compare: fill with −10⁶ instead", trait: "naive" });

  const { scores } = inputs();
  const numKeys = scores[0].length;
  const keys = Array.from({ length: numKeys }, (_, j) => j);
  const keyHeads = () => keys.map((j) => html("th", { scope: "col" }, word(`k${"₁₂₃₄₅₆₇₈₉"[j]}`, "key")));
  const queryHead = (i) => html("th", { scope: "row" }, word(`q${"₁₂₃₄₅₆₇₈₉"[i]}`, "query"));

  // Left: the scores. Each is a button that masks or opens its cell. Tab reaches one of them, arrow keys the others.
  const cells = scores.map((row, i) => row.map((_, j) => {
    const cell = html("button", { type: "button", class: "cell", tabindex: i || j ? -1 : 0 });
    cell.addEventListener("click", () => {
      roam(i, j);
      const blocked = self.get("blocked").map((old) => [...old]);
      blocked[i][j] = 1 - blocked[i][j];
      self.set({ blocked });
    });
    cell.addEventListener("keydown", (event) => {
      const to = {
        ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], Home: [i, 0], End: [i, numKeys - 1],
      }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      if (cells[to[0]]?.[to[1]]) roam(...to).focus();
    });
    return cell;
  }));
  function roam(i, j) {
    cells.flat().forEach((cell) => put(cell, { tabindex: cell === cells[i][j] ? 0 : -1 }));
    return cells[i][j];
  }
  const lengths = scores.map((_, i) => {
    const input = html("input", { type: "number", min: 0, max: numKeys, step: 1, "aria-label": `valid length of query ${ith(i)}` });
    input.addEventListener("input", () => {
      if (!/^\d+$/.test(input.value)) return; // half-typed; the picture waits
      const values = [...self.get("lengths")];
      values[i] = clamp(Number(input.value), 0, numKeys);
      self.set({ lengths: values });
    });
    input.addEventListener("change", () => (input.value = self.get("lengths")[i]));
    return input;
  });
  panel(self, ["Scores: click one to mask or open it"],
    html("table", { class: "matrix" },
      html("thead", {}, html("tr", {}, html("td"), ...keyHeads(), html("th", { scope: "col" }, "length"))),
      html("tbody", {}, ...scores.map((_, i) => html("tr", {}, queryHead(i), ...cells[i].map((cell) => html("td", {}, cell)), html("td", {}, lengths[i]))))),
    html("p", { class: "legend" }, ...Object.entries(WHY).map(([kind, words]) => html("span", {}, html("b", { class: `sample ${kind}` }), words))),
    html("p", { class: "hint" }, "Keyboard: arrow keys, Home and End move among the cells, Space masks or opens one."));

  // Right: the weights that are left.
  const shares = scores.map((row) => row.map(() => html("td")));
  const totals = scores.map(() => html("td"));
  const heading = html("span", {});
  panel(self, [heading],
    html("table", { class: "matrix weights", "aria-label": self.get("description") },
      html("thead", {}, html("tr", {}, html("td"), ...keyHeads(), html("th", { scope: "col" }, "sum"))),
      html("tbody", {}, ...scores.map((_, i) => html("tr", {}, queryHead(i), ...shares[i], totals[i])))));

  return self.watch(["scores", "lengths", "causal", "blocked", "naive", "description"], () => {
    const now = inputs();
    const numbers = maskAndWeigh(now);
    const weights = now.naive ? numbers.naive_weights : numbers.weights;
    heading.replaceChildren(word("Weights", "weight"), now.naive ? " with −10⁶ in masked cells" : " that the library gives");
    now.scores.forEach((row, i) => {
      if (document.activeElement !== lengths[i] || Number(lengths[i].value) !== now.lengths[i]) lengths[i].value = now.lengths[i];
      row.forEach((score, j) => {
        const why = reasons(now, i, j);
        const cell = cells[i][j];
        cell.textContent = fixed(score, 1);
        cell.className = ["cell", ...why].join(" ");
        put(cell, {
          "aria-label": `query ${ith(i)}, key ${ith(j)}, score ${fixed(score, 1)}: ${why.length ? listed(why.map((kind) => WHY[kind])) : "open"}`,
          "aria-pressed": String(Boolean(now.blocked[i][j])), title: why.map((kind) => WHY[kind]).join(", ") || null,
        });
        const share = weights[i][j];
        const td = shares[i][j];
        td.textContent = share === 0 ? "0" : fixed(share, 2);
        td.className = share === 0 ? "zero glide" : "glide";
        td.style.setProperty("--share", `${FULL * share}%`);
      });
      const total = sum(weights[i]);
      totals[i].textContent = fixed(total, 0);
      const empty = !numbers.mask[i].some(Boolean);
      shares[i][0].parentElement.className = empty ? "empty" : "";
    });
    self.publish(numbers);
    self.say(describe(now, numbers));
  });
}

export default { render };
