"""What the Transformer explorer has to show for its inputs, compared with what is on the screen.

`seen(demo, twin)` looks at everything: the small maps and the large one, the words beside and above it, gold links, the
table of the row, names, captions, controls and the sentence.
"""

import itertools

import numpy as np
import pytest
from demo_pages import check, fixed, listed, places, readouts
from drawn import Picture, Shape, assert_says, cells, colors, names, near, read, spans
from playwright.sync_api import Locator

from attn_utils.widgets import TransformerExplorer, TransformerRun

KINDS = {
    "encoder": "self-attention of the encoder",
    "decoder": "self-attention of the decoder",
    "cross": "cross-attention",
}
END, NOTABLE = "</s>", 0.1
PALE = 0.004  # a smaller weight is not to be seen
# Where words stand: the middle of each, and whether the whole word is inside its place.
WORDS = """list => [...list.children].map(item => {
  const { left, right, top, bottom } = item.getBoundingClientRect(), word = item.firstChild;
  return { text: word.textContent, x: (left + right) / 2, y: (top + bottom) / 2, marked: item.className === "marked",
           weight: getComputedStyle(word).fontWeight, color: getComputedStyle(word).color };
})"""


def shown_run(twin: TransformerExplorer) -> tuple[TransformerRun, int]:
    run = twin.sentences[twin.sentence]
    return run, min(twin.step, len(run.queries(twin.kind)) - 1)


def is_golden(twin: TransformerExplorer) -> bool:
    return twin.gold and twin.kind == "cross"


# ------------------------------------------------------------------------------------------------------- in words
def named(words, i: int, *more: str) -> str:
    remarks = [f"word {i + 1}"] * (words.count(words[i]) > 1) + list(more)
    return f"“{words[i]}”" + f" ({', '.join(remarks)})" * bool(remarks)


def top_of(words, weights) -> str:
    top = weights.index(max(weights))
    return named(words, top, fixed(weights[top], 2))


def name_of(twin: TransformerExplorer) -> str:
    layers, heads = twin.sentences[0].shape
    if twin.head == "all" and twin.kind == "cross":
        return f"All {layers} layers, mean of all {layers * heads} heads"
    which = f"head {twin.head + 1}" if isinstance(twin.head, int) else f"mean of its {heads} heads"
    return f"Layer {twin.layer + 1}, {which}"


def sentence(twin: TransformerExplorer) -> str:
    run, step = shown_run(twin)
    words, keys = run.queries(twin.kind), run.keys(twin.kind)
    count = step + 1 if twin.kind == "decoder" else len(keys)
    keys, weights = keys[:count], twin.row.tolist()[:count]
    asks = named(words, step)
    if twin.kind != "encoder":
        asks = f"to write {asks}{', the end of the sentence,' * (words[step] == END)} it"
    if count == 1:
        look = f"looks at “{keys[0]}”, all that there is to look at"
    elif max(weights) < 1.5 / count:
        look = f"looks at all {count} words almost evenly"
    else:
        order = sorted(range(count), key=lambda j: -weights[j])
        more = [named(keys, j, fixed(weights[j], 2)) for j in order[1:3] if weights[j] >= NOTABLE]
        look = f"looks most at {top_of(keys, weights)}" + f", then at {listed(more)}" * bool(more)
    gold = ""
    if is_golden(twin) and not run.is_the_reference:
        gold = " Gold links belong to the reference, which is another sentence."
    elif is_golden(twin):
        links = [link for link in run.possible if link[1] == step]
        told = [named(run.source, j) for j, i in links if (j, i) in run.sure]
        told += [named(run.source, j, "possible") for j, i in links if (j, i) not in run.sure]
        gold = f" Gold: {listed(told)}." * bool(told)
    return f"{name_of(twin)}, {KINDS[twin.kind]}: {asks} {look}.{gold}"


# --------------------------------------------------------------------------------------------------------- drawn
def assert_map(picture: Picture, twin: TransformerExplorer, weights, *, large: bool) -> list[list[float]]:
    """A cell for each weight of the rows shown, as opaque as it, and a frame around the row of the step.

    Gives the edges of rows and columns.
    """
    run, step = shown_run(twin)
    q, k = len(run.queries(twin.kind)), len(run.keys(twin.kind))
    (edge,) = picture.of("edge")
    (left, top), (right, bottom) = edge.points
    across, down = np.linspace(left, right, k + 1), np.linspace(top, bottom, q + 1)

    def assert_box(shape: Shape, x: float, y: float, width: float, height: float) -> None:
        wanted = [left + x * (right - left) / k, top + y * (bottom - top) / q]
        wanted += [wanted[0] + width * (right - left) / k, wanted[1] + height * (bottom - top) / q]
        assert [*shape.points[0], *shape.points[1]] == pytest.approx(wanted, abs=0.5)

    rows = q if twin.kind == "encoder" else step + 1
    seen_from = [i + 1 if twin.kind == "decoder" else k for i in range(q)]
    wanted = [(i, j) for i in range(rows) for j in range(seen_from[i])]
    drawn = picture.of("cell")
    assert len(drawn) == len(wanted), f"{len(drawn)} cells for {rows} rows"
    for cell, (i, j) in zip(drawn, wanted, strict=True):
        assert_box(cell, j, i, 1, 1)
        assert (cell.fill[3] if cell.fill else 0) == pytest.approx(weights[i][j], abs=PALE)
    for ground, i in zip(picture.of("ground"), range(rows), strict=True):
        assert_box(ground, 0, i, seen_from[i], 1)
    (row,) = picture.of("row")
    assert_box(row, 0, step, seen_from[step], 1)

    links = [link for link in run.possible if link[1] <= step] if large and is_golden(twin) else []
    frames = picture.of("gold")
    assert [bool(frame.dash) for frame in frames] == [link not in run.sure for link in links]
    for frame, backing, (j, i) in zip(frames, picture.of("backing"), links, strict=True):
        for shape in (frame, backing):
            assert_box(shape, j + 0.14, i + 0.17, 0.72, 0.66)
    return [across.tolist(), down.tolist()]


def assert_sheet(demo: Locator, twin: TransformerExplorer) -> None:
    """The large map, with the words of its rows and columns in their places; none that is not written yet."""
    run, step = shown_run(twin)
    picture = read(demo.locator(".sheet svg"))
    assert picture.name == twin.description
    across, down = assert_map(picture, twin, twin.weights.tolist(), large=True)
    middles = [[(a + b) / 2 for a, b in itertools.pairwise(edges)] for edges in (across, down)]
    beside, above = (demo.locator(f".sheet .{name}").evaluate(WORDS) for name in ("queries", "keys"))
    shown = {"encoder": (99, 99), "decoder": (step + 1, step + 1), "cross": (step + 1, 99)}[twin.kind]
    for items, words, count in zip((beside, above), (run.queries(twin.kind), run.keys(twin.kind)), shown, strict=True):
        assert [item["text"] for item in items] == [word if i < count else "" for i, word in enumerate(words)]
    assert [item["y"] for item in beside] == near(middles[1], within=1)
    assert [item["x"] for item in above] == near(middles[0], within=1)
    assert [item["marked"] and item["weight"] == "650" for item in beside] == [i == step for i in range(len(beside))]
    assert not any(item["marked"] for item in above)
    asks = "asks" if twin.kind == "encoder" else "is written"
    assert demo.locator(".corner").inner_text() == asks
    assert_roles(demo, ".queries li span", "query")
    assert_roles(demo, ".keys li span", "key")
    assert_roles(demo, ".looked-at", "key")


def assert_roles(demo: Locator, place: str, role: str) -> None:
    """Words that ask and words that are looked at have the colors of queries and keys in words."""
    painted = {tuple(color) for color in colors(demo.locator(place))}
    assert painted == {tuple(colors(demo.locator(f".formula .{role}"))[0])}, place


def assert_tiles(demo: Locator, twin: TransformerExplorer) -> None:
    run, step = shown_run(twin)
    tiles = demo.locator(".tile")
    keys, maps = run.keys(twin.kind), twin.head_weights.tolist()
    count = step + 1 if twin.kind == "decoder" else len(keys)
    for tile, weights in zip(tiles.all(), maps, strict=True):
        assert_map(read(tile.locator("svg")), twin, weights, large=False)
    assert tiles.all_inner_texts() == [f"head {h + 1}" for h in range(len(maps))]
    told = [f"head {h + 1}, most at {top_of(keys, weights[step][:count])}" for h, weights in enumerate(maps)]
    pressed = [" [pressed]" * (h == twin.head) for h in range(len(maps))]
    steps = len(run.queries(twin.kind))
    assert names(demo, "button") == [
        'button "Reset"',
        f'button "Previous"{" [disabled]" * (step == 0)}',
        f'button "Next"{" [disabled]" * (step == steps - 1)}',
        *(f'button "{name}"{state}' for name, state in zip(told, pressed, strict=True)),
    ]


def assert_row(demo: Locator, twin: TransformerExplorer) -> None:
    """The table: what the row looks at, in words, numbers and bars; below it the sentence so far."""
    run, step = shown_run(twin)
    keys = run.keys(twin.kind)
    count = step + 1 if twin.kind == "decoder" else len(keys)
    weights = twin.row.tolist()[:count]
    rows = demo.locator(".row-table tbody tr")
    assert cells(rows) == [[word, fixed(weight, 2), ""] for word, weight in zip(keys, weights, strict=False)]
    widest = demo.locator(".row-table .track").first.evaluate(
        """cell => { const style = getComputedStyle(cell), box = cell.getBoundingClientRect();
             return 1 - (parseFloat(style.paddingLeft) + parseFloat(style.paddingRight)) / box.width; }"""
    )
    assert spans(demo.locator(".row-table .bar")) == near([weight * widest for weight in weights], within=0.005)
    below = demo.locator(".so-far > span").all_inner_texts()
    so_far = "" if twin.kind == "encoder" else f"Written so far: {' '.join(run.target[: step + 1])}"
    reference = [] if run.is_the_reference or twin.kind == "encoder" else [f"Reference: {' '.join(run.reference)}"]
    assert [" ".join(text.split()) for text in below] == [so_far, *reference]


def assert_words_around(demo: Locator, twin: TransformerExplorer) -> None:
    run, step = shown_run(twin)
    layers, heads = run.shape
    asks = "source word that asks" if twin.kind == "encoder" else "word being written"
    looked = "word read before" if twin.kind == "decoder" else "source word"
    start = "From" if twin.kind == "encoder" else "To write"
    end = "what has been read" if twin.kind == "decoder" else "the source"
    assert demo.locator(".caption").all_text_contents() == [
        f"The {heads} heads of layer {twin.layer + 1}: choose one to see it enlarged",
        f"{name_of(twin)}: a row for each {asks}, a column for each {looked}",
        f"{start} “{run.queries(twin.kind)[step]}”: its weights on {end}",
    ]
    signs = ["the word that asks" if twin.kind == "encoder" else "this step"]
    if is_golden(twin) and any(i <= step for _, i in run.possible):
        signs += ["gold link, sure", "gold link, possible"]
    assert demo.locator(".legend span").all_inner_texts() == signs
    steps = len(run.queries(twin.kind))
    assert readouts(demo) == [f"{step + 1} of {steps}"]
    assert places(demo) == [step]
    label = "word that asks" if twin.kind == "encoder" else "step"
    assert names(demo, "slider") == [f'slider "{label}"']
    chosen = demo.locator("select option:checked").all_inner_texts()
    head = "mean" if twin.head == "all" and twin.kind != "cross" else twin.head
    means = {"mean": "mean of the layer", "all": "mean of all layers"}
    assert chosen == [run.label, str(twin.layer + 1), means.get(head) or str(head + 1)]
    options = [*map(str, range(1, heads + 1)), "mean of the layer", *["mean of all layers"] * (twin.kind == "cross")]
    assert demo.get_by_role("combobox", name="head").locator("option").all_inner_texts() == options
    assert demo.get_by_role("combobox", name="layer").locator("option").count() == layers
    assert demo.locator("input[type=radio]:checked").get_attribute("value") == twin.kind
    assert demo.get_by_role("checkbox").is_checked() == twin.gold


def seen(demo: Locator, twin: TransformerExplorer) -> dict:
    """Everything on the screen agrees with what the library computes; gives the numbers of the page."""
    numbers = check(demo, twin)
    for name in ("head_weights", "weights", "row"):  # the page's numbers are Python's: thousandths, and their means
        assert np.abs(np.array(numbers[name]) - getattr(twin, name).numpy()).max() < 1e-12
    assert_says(demo, sentence(twin))
    assert_tiles(demo, twin)
    assert_sheet(demo, twin)
    assert_row(demo, twin)
    assert_words_around(demo, twin)
    return numbers
