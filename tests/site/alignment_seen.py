"""What the alignment explorer has to show for its inputs, compared with what is on the screen.

`seen(demo, twin)` looks at everything: threads, gold links, bars, shades, tables, the small matrix, names, sentence. A
reader may look at a word: ``seen(demo, twin, source=2)`` or ``target=3``.
"""

import numpy as np
import pytest
from demo_pages import check, fixed, listed, places, readouts
from drawn import assert_says, cells, colors, fills, names, near, read
from playwright.sync_api import Locator
from shades import rgb, share_of

from attn_utils.widgets import AlignmentExplorer, Translation

END = "</s>"
NOTABLE, SHOWN = 0.1, 0.045  # smaller weights are not put into words, nor written beside a word
SHADE, FULL = "#6d2bc8", 0.62  # the violet behind words, and how much of it a word of weight 1 has

PLACES = """demo => Object.fromEntries(["source", "target"].map(side => [side,
  [...demo.querySelectorAll(`.${side} .token`)].map(token => {
    const { top, bottom } = token.getBoundingClientRect();
    return (top + bottom) / 2;
  })]))"""
BARS = """cells => cells.map(cell => {
  const bar = cell.querySelector("i").getBoundingClientRect(), { left } = cell.getBoundingClientRect();
  return [(bar.left - left - cell.clientLeft) / cell.clientWidth, bar.width / cell.clientWidth];
})"""
LOOKS = """tokens => tokens.map(token => {
  const style = getComputedStyle(token), word = getComputedStyle(token.firstChild);
  return { framed: !/, 0\\)$/.test(style.borderTopColor) && style.borderTopColor !== "transparent",
           wavy: word.textDecorationStyle === "wavy", current: token.getAttribute("aria-current") };
})"""


# ------------------------------------------------------------------------------------------------------- in words
def named(words, i: int, *more: str) -> str:
    remarks = [f"word {i + 1}"] * (words.count(words[i]) > 1) + list(more)
    return f"“{words[i]}”" + f" ({', '.join(remarks)})" * bool(remarks)


def leading(words, weights) -> list[str]:
    order = sorted((i for i in range(len(words)) if weights[i] >= NOTABLE), key=lambda i: -weights[i])
    return [named(words, i, fixed(weights[i], 2)) for i in order[:3]]


def gold_words(shown: Translation, side: int, index: int) -> str:
    words = (shown.source, shown.target)[1 - side]
    links = sorted((link for link in shown.possible if link[side] == index), key=lambda link: link[1 - side])
    sure = [named(words, link[1 - side]) for link in links if link in shown.sure]
    maybe = [named(words, link[1 - side], "possible") for link in links if link not in shown.sure]
    return f" Gold: {listed(sure + maybe)}." if links else ""


def difference(shown: Translation, step: int) -> str:
    told, written = "", len(shown.target) - (shown.target[-1] == END)
    for start, end, expected in shown.differences:
        quoted = f"“{' '.join(expected)}”"
        if start < end:
            told += f" The reference has {quoted if expected else 'nothing'} here." * (start <= step < end)
        elif step == start:
            told += f" Before it the reference has {quoted}."
        elif start == written and step == len(shown.target) - 1:
            told += f" The reference goes on with {quoted}."
    return told


def row_sentence(shown: Translation, weights, step: int, gold: bool) -> str:
    word, top = shown.target[step], leading(shown.source, weights)
    probability = dict(reversed(shown.candidates[step])).get(word)
    if max(weights) >= 0.5:
        look = f"It looks mostly at {top[0]}."
    elif max(weights) < 1.5 / len(weights):
        look = "It spreads its weight almost evenly."
    else:
        look = f"It spreads its weight, most of all on {listed(top)}." if top else "It looks at no word in particular."
    return (
        f"Step {step + 1} of {len(shown.target)} writes “{word}”{', the end of the sentence,' * (word == END)}"
        + (f" (probability {fixed(probability, 2)})" if probability is not None else "")
        + f". {look}{gold_words(shown, 1, step) * gold}{difference(shown, step)}"
    )


def column_sentence(shown: Translation, column, index: int, gold: bool) -> str:
    top = leading(shown.target, column)
    look = f"gets less than {NOTABLE} in every step"
    if top:
        more = ", and by other steps" * (sum(weight >= NOTABLE for weight in column) > len(top))
        look = f"is looked at when {listed(top)} {'are' if len(top) > 1 else 'is'} written{more}"
    return (
        f"{named(shown.source, index)} {look}. All {len(shown.target)} steps together give it "
        f"{fixed(sum(column), 2)}.{gold_words(shown, 0, index) * gold}"
    )


# --------------------------------------------------------------------------------------------------------- drawn
def assert_threads(demo: Locator, twin: AlignmentExplorer, shown, weights, now: int, step: int, column) -> None:
    """Threads and gold links run from the word to the word that they say, as thick as their weight."""
    for _ in range(20):  # a page that still scrolls to what got the focus moves between two looks
        words = demo.evaluate(PLACES)
        picture = read(demo.locator(".threads"))
        left, right = demo.locator(".threads").evaluate(
            "svg => { const { left, right } = svg.getBoundingClientRect(); return [left, right] }"
        )
        if demo.evaluate(PLACES) == words:
            break
    assert picture.name == twin.description

    def assert_between(paths, pairs, what: str) -> None:
        ends = [(left, words["source"][j], right, words["target"][i]) for j, i in pairs]
        got = [(*path.points[0], *path.points[-1]) for path in paths]
        assert len(got) == len(ends), f"{len(got)} {what} instead of {len(ends)}"
        assert np.abs(np.subtract(got, ends)).max(initial=0) < 1.5, f"{what} meet other words"

    s, t = len(shown.source), len(shown.target)
    strong = [(j, step) for j in range(s)] if column is None else [(column, i) for i in range(t)]
    past = [(j, i) for i in range(now + 1) for j in range(s) if weights[i][j] >= NOTABLE and (j, i) not in strong]
    threads = picture.of("thread")
    for paths, pairs, what in (
        ([path for path in threads if "strong" not in path.kinds], past, "threads of earlier steps"),
        (picture.of("thread", "strong"), strong, "strong threads"),
    ):
        assert_between(paths, pairs, what)
        assert [path.width for path in paths] == near([10 * weights[i][j] for j, i in pairs], within=0.02)
    shares = [0.3 + 0.6 * weights[i][j] for j, i in strong]
    assert [path.stroke[3] for path in picture.of("thread", "strong")] == near(shares, within=0.01)
    assert all(path.stroke[3] < 0.36 for path in threads if "strong" not in path.kinds), "what is past steps back"

    links, golden = picture.of("gold"), list(shown.possible) if twin.gold else []
    assert_between(links, golden, "gold links")
    dashes = [("7px, 4px" if link in shown.sure else "1.5px, 4px") for link in golden]
    assert [path.dash for path in links] == dashes
    assert [path.width > 1.5 for path in links] == [link in strong for link in golden]


def assert_words(demo: Locator, shown, scores, weights, now: int, step: int, column) -> None:
    """Both columns of words: bars and figures, shades behind them, who is looked at, what is told of each."""
    assert cells(demo.locator(".source tbody tr")) == [
        [fixed(score, 1), fixed(weight, 2), word]
        for score, weight, word in zip(scores[step], weights[step], shown.source, strict=True)
    ]
    low, high = min(0, np.min(scores)), max(0, np.max(scores))
    bars = demo.locator(".source tbody td.score").evaluate_all(BARS)
    wanted = [((min(0, score) - low) / (high - low), abs(score) / (high - low)) for score in scores[step]]
    assert np.ravel(bars).tolist() == near(wanted, within=0.02)
    bars = demo.locator(".source tbody td.weight").evaluate_all(BARS)
    assert np.ravel(bars).tolist() == near([(0, weight) for weight in weights[step]], within=0.02)

    column_weights = [0.0] * len(shown.target) if column is None else [row[column] for row in weights]
    row_weights = weights[step] if column is None else [0.0] * len(shown.source)
    (nothing,) = fills(demo)
    for side, shares in (("source", row_weights), ("target", column_weights)):
        painted = fills(demo.locator(f".{side} .token"))
        assert [share_of(paint, nothing, rgb(SHADE)) for paint in painted] == near(
            FULL * np.array(shares), within=0.012
        )
    written = [fixed(share, 2) if share >= SHOWN else "" for share in column_weights]
    assert demo.locator(".share").all_inner_texts() == written

    strange = [any(a <= i < b for a, b, _ in shown.differences) for i in range(len(shown.target))]
    looks = demo.locator(".target .token").evaluate_all(LOOKS)
    assert [look["wavy"] for look in looks] == strange
    assert [look["current"] for look in looks] == ["step" if i == now else None for i in range(len(looks))]
    assert [look["framed"] for look in looks] == [column is None and i == step for i in range(len(looks))]
    framed = [look["framed"] for look in demo.locator(".source .token").evaluate_all(LOOKS)]
    assert framed == [j == column for j in range(len(framed))]
    (soft,), (ink,) = colors(demo.locator(".formula")), colors(demo)
    later = [soft if i > now and not looks[i]["framed"] else ink for i in range(len(looks))]
    assert colors(demo.locator(".target .token")) == later
    ends = [" [disabled]" * (now == 0), " [disabled]" * (now == len(shown.target) - 1)]
    assert names(demo, "button") == [
        *['button "Reset"', f'button "Previous"{ends[0]}', f'button "Next"{ends[1]}'],
        *(f'button "{word}, source word {j + 1}"' for j, word in enumerate(shown.source)),
        *(
            f'button "{word}, written in step {i + 1}{", not in the reference" * strange[i]}"'
            for i, word in enumerate(shown.target)
        ),
    ]
    reference = f"Reference: {' '.join(shown.reference)}" if shown.differences else ""
    assert demo.locator(".reference").inner_text() == reference


def assert_panels(demo: Locator, twin: AlignmentExplorer, shown, weights, step: int, column) -> None:
    """The query's bars, the words to choose from, the matrix of all weights, and the legend."""
    strip, queries = read(demo.locator(".strip")), np.array(shown.queries)
    assert strip.name == f"The query of step {step + 1}, {queries.shape[1]} numbers as bars"
    (zero,) = [line.ys[0] for line in strip.of("axis")]
    box = demo.locator(".strip").bounding_box()
    reach = box["height"] / 2 / max(np.abs(queries).max(), 1e-9)
    bars = strip.of(tag="rect")
    assert zero == pytest.approx(box["y"] + box["height"] / 2, abs=0.5)
    assert [zero - bar.ys[0] for bar in bars] == near(reach * queries[step].clip(min=0), within=0.5)
    assert [bar.ys[1] - zero for bar in bars] == near(-reach * queries[step].clip(max=0), within=0.5)
    pitch = box["width"] / queries.shape[1]
    spots = [(bar.middle[0] - box["x"]) / pitch for bar in bars]
    assert spots == near(np.arange(queries.shape[1]) + 0.5, within=0.05)

    chosen = [word == shown.target[step] for word, _ in shown.candidates[step]]
    assert cells(demo.locator(".choice tbody tr")) == [
        [word + " written" * mark, "< 0.001" if share < 0.0005 else fixed(share, 3), ""]
        for (word, share), mark in zip(shown.candidates[step], chosen, strict=True)
    ]
    widths = demo.locator(".choice .bar").evaluate_all(
        """bars => bars.map(bar => {
             const style = getComputedStyle(bar.parentElement);
             const edges = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
             const room = bar.parentElement.clientWidth - edges;
             return bar.getBoundingClientRect().width / room;
           })"""
    )
    assert widths == near([share for _, share in shown.candidates[step]], within=0.02)

    s, t = len(shown.source), len(shown.target)
    matrix = read(demo.locator(".map"))
    assert matrix.name == f"Weights of all {t} steps on all {s} source words"
    (ground,) = matrix.of("ground")
    (left, top), (right, bottom) = ground.points

    def assert_box(shape, j: float, i: float, across: float, down: float) -> None:
        wide, tall = (right - left) / s, (bottom - top) / t
        wanted = [left + j * wide, top + i * tall, left + (j + across) * wide, top + (i + down) * tall]
        assert [*shape.points[0], *shape.points[1]] == pytest.approx(wanted, abs=0.5)

    squares = matrix.of("cell")
    shares = {
        (
            round((x.middle[1] - top) / (bottom - top) * t - 0.5),
            round((x.middle[0] - left) / (right - left) * s - 0.5),
        ): x
        for x in squares
    }
    for i in range(t):
        for j in range(s):
            if weights[i][j] > 0.002:  # paler than that is not there
                assert_box(shares[i, j], j, i, 1, 1)
                assert shares[i, j].fill[3] == pytest.approx(weights[i][j], abs=0.01)
    links = [shape for shape in matrix.shapes if {"sure", "possible"} & set(shape.kinds)]
    golden = list(shown.possible) if twin.gold else []
    assert [bool(shape.dash) for shape in links] == [link not in shown.sure for link in golden]
    for shape, (j, i) in zip(links, golden, strict=True):
        assert_box(shape, j + 0.15, i + 0.15, 0.7, 0.7)
    (here,) = matrix.of("here")
    assert_box(here, *((0, step, s, 1) if column is None else (column, 0, 1, t)))

    signs = ["weight", *["gold link, sure", "gold link, possible"] * bool(golden)]
    signs += ["not in the reference"] * any(start < end for start, end, _ in shown.differences)
    assert demo.locator(".legend span").all_inner_texts() == signs


def seen(demo: Locator, twin: AlignmentExplorer, *, source: int | None = None, target: int | None = None) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    shown = twin.sentences[twin.sentence]
    weights = twin.all_weights.tolist()
    scores = (np.tanh(np.array(shown.queries)[:, None] + np.array(shown.keys)) @ np.array(twin.v)).tolist()
    now = min(twin.step, len(shown.target) - 1)
    step = now if target is None else target
    assert_threads(demo, twin, shown, weights, now, step, source)
    assert_words(demo, shown, scores, weights, now, step, source)
    assert_panels(demo, twin, shown, weights, step, source)
    assert readouts(demo) == [f"{now + 1} of {len(shown.target)}"]
    assert places(demo) == [now]
    assert demo.locator("select option:checked").inner_text() == shown.label
    assert demo.get_by_label("gold links", exact=True).is_checked() == twin.gold
    if source is None:
        assert_says(demo, row_sentence(shown, weights[step], step, twin.gold))
    else:
        assert_says(demo, column_sentence(shown, [row[source] for row in weights], source, twin.gold))
    return numbers
