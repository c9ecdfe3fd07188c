"""Memory in a real browser: lines, levels, table and words, by menu, slider, touch and keyboard."""

import math
from decimal import ROUND_HALF_UP, Decimal

import pytest
from demo_pages import NARROWEST, PHONE, check, inputs, places, readouts, ready, slide
from drawn import Axis, Picture, assert_at, assert_says, cells, names, near, read, words
from playwright.sync_api import Locator

from attn_utils.widgets import Memory
from attn_utils.widgets.memory.models import MODELS

KINDS = ["heads", "groups", "one", "published"]
NAMES = ["all heads", "groups of heads", "one head", "as published"]
UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"]
GROUPS = {8: 4, 25: 5, 96: 8, 32: 8, 64: 8, 128: 8}


def rounded(number: Decimal, digits: int) -> Decimal:
    """A number with so many digits that count."""
    return number.quantize(Decimal(1).scaleb(number.adjusted() - digits + 1), rounding=ROUND_HALF_UP)


def size(number: float) -> str:
    exact = Decimal(number)
    unit = int(math.log10(number) + 1e-12) // 3
    shown = f"{rounded(exact / 1000**unit, 3):f}"
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown} {UNITS[unit]}"


def times(ratio: float) -> str:
    shown = f"{rounded(Decimal(ratio), 2):f}"
    whole, dot, rest = shown.partition(".")
    rest = rest.rstrip("0")
    return f"{int(whole):,}{dot if rest else ''}{rest} times" if ratio >= 0.001 else "less than a thousandth of"


def of(twin: Memory) -> dict:
    (model,) = [model for model in twin.models if model["name"] == twin.model_name]
    return model


def window(twin: Memory) -> int:
    return {"none": 0, "published": of(twin)["window"], "4096": 4096}[twin.window]


def by_hand(twin: Memory) -> tuple[list, list[int], int, int, int]:
    """Heads kept and bytes a token of each kind, tokens kept, bytes of the caches and of the weights."""
    model = of(twin)
    kept = [model["heads"], GROUPS[model["heads"]], 1, model["kv_heads"]]
    each = [2 * model["layers"] * heads * model["head_size"] * twin.number_bytes for heads in kept]
    if model["latent"]:
        each[3] = model["layers"] * model["latent"] * twin.number_bytes
    tokens = min(twin.tokens, window(twin) or twin.tokens)
    cache = each[KINDS.index(twin.kept)] * tokens * twin.conversations
    return (
        [*kept[:3], "latent" if model["latent"] else kept[3]],
        each,
        tokens,
        cache,
        model["parameters"] * twin.number_bytes,
    )


def axes_of(picture: Picture) -> tuple[Axis, Axis]:
    """Across the tokens, upward the bytes, each label with its unit."""
    foot = max(text.box[3] for text in picture.texts)
    tokens = [text for text in picture.texts if abs(text.box[3] - foot) < 2]
    across = Axis([float(t.text.replace(",", "")) for t in tokens], [t.middle[0] for t in tokens], True)
    levels = picture.of("grid", tag="line")
    labels = [t for t in picture.texts if t.text.split()[-1] in UNITS and t.text.startswith("1 ")]
    numbers = [1000.0 ** UNITS.index(label.text.split()[1]) for label in labels]
    heights = [min((s.ys[0] for s in levels), key=lambda y, t=t: abs(y - t.middle[1])) for t in labels]
    return across, Axis(numbers, heights, True)


def assert_chart(picture: Picture, twin: Memory) -> None:
    """Three lines of slope one, the chosen one with its window and a point, three levels with their names."""
    across, upward = axes_of(picture)
    assert across.numbers == [1, 32, 1024, 32768, 2**20]
    _, each, _, cache, weights = by_hand(twin)
    dashes = []
    for kind, bytes_of_token in zip(KINDS[:3], each, strict=False):
        (curve,) = picture.of("curve", kind)
        assert_at(across, curve.xs, [1, 2**20], kind)
        assert_at(upward, curve.ys, [bytes_of_token * n * twin.conversations for n in (1, 2**20)], kind)
        dashes.append(curve.dash)
    assert len(set(dashes)) == 3
    (chosen,), (point,) = picture.of("curve", "chosen"), picture.of("chosen", tag="circle")
    assert chosen.width > 1.5 * curve.width
    limit = window(twin)
    ends = [1, limit, 2**20] if limit else [1, 2**20]
    cost = each[KINDS.index(twin.kept)] * twin.conversations
    assert_at(across, chosen.xs, ends, "the chosen line")
    assert_at(upward, chosen.ys, [cost * min(n, limit or n) for n in ends], "the chosen line")
    assert_at(across, point.xs, [twin.tokens], "the point")
    assert_at(upward, point.ys, [cache], "the point")
    levels = picture.of("limit", tag="line")
    assert_at(upward, [level.ys[0] for level in levels], [24e9, 80e9, weights], "levels")
    for label_of, level in zip(("24 GB", "80 GB", "weights"), levels, strict=True):
        (label,) = [text for text in picture.texts if text.text == label_of]
        assert abs(label.middle[1] - level.ys[0]) < 16


def sentence(twin: Memory) -> str:
    model, (kept, _, tokens, cache, weights) = of(twin), by_hand(twin)
    heads = kept[KINDS.index(twin.kept)]
    factors = [
        *(
            [f"{model['layers']} layers", f"{model['latent']} numbers"] if heads == "latent" else
            [f"2 · {model['layers']} layers", f"{heads} {'heads' if heads > 1 else 'head'}",
             f"{model['head_size']} numbers"]
        ),
        f"{twin.number_bytes} bytes" if twin.number_bytes > 1 else "1 byte",
        f"{tokens:,} {'tokens of the window' if tokens < twin.tokens else 'tokens' if tokens > 1 else 'token'}",
        *([f"{twin.conversations} conversations"] if twin.conversations > 1 else []),
    ]  # fmt: skip
    many = twin.conversations > 1
    whose = f"caches of {twin.conversations} conversations hold" if many else "cache of one conversation holds"
    both = cache + weights
    fit = (
        "fit into 24 GB."
        if both <= 24e9
        else "fit into 80 GB, not into 24."
        if both <= 80e9
        else "do not fit into 80 GB."
    )
    longer = model["context"] and twin.tokens > model["context"]
    return (
        f"At {twin.tokens:,} {'tokens' if twin.tokens > 1 else 'token'} the {whose} {size(cache)} "
        f"({' · '.join(factors)}), {times(cache / weights)} the {size(weights)} of the model’s own weights. "
        f"Both together {fit}" + (f" The model was made for {model['context']:,} tokens at most." if longer else "")
    )


def seen(demo: Locator, twin: Memory) -> dict:
    """Everything on the screen agrees with what is counted; gives the numbers of the page."""
    numbers = check(demo, twin)
    kept, each, tokens, cache, weights = by_hand(twin)
    assert (numbers["cache"], numbers["weights"], numbers["alternatives"]) == (cache, weights, each)
    chart = read(demo.locator("svg"))
    assert chart.name == twin.description
    assert_chart(chart, twin)
    assert readouts(demo) == [f"{twin.tokens:,}", str(twin.conversations)]
    assert places(demo) == near([math.log2(twin.tokens), math.log2(twin.conversations)], within=0.51)
    menus = [menu.input_value() for menu in demo.get_by_role("combobox").all()]
    assert menus == [twin.model_name, twin.kept, twin.window, str(twin.number_bytes)]
    assert cells(demo.locator("tr")) == [
        ["keys and values for", "heads", "a token", "all tokens"],
        *(
            [name, str(heads), size(cost), size(cost * tokens * twin.conversations)]
            for name, heads, cost in zip(NAMES, kept, each, strict=True)
        ),
    ]
    assert demo.locator("tr.chosen th").all_inner_texts() == [NAMES[KINDS.index(twin.kept)]]
    assert demo.locator(".hint").inner_text() == f"{twin.model_name}: {of(twin)['source']}"
    assert_says(demo, sentence(twin))
    return numbers


def test_memory(show_both_ways):
    twin = Memory()
    demo = ready(show_both_ways(Memory()))
    start = seen(demo, twin)
    assert start["cache"] == 2 * 17_179_869_184  # two of 17.2 GB
    for label, key, name, value in (
        ("tokens", "ArrowLeft", "tokens", 16_384),
        ("tokens", "End", "tokens", 2**20),
        ("conversations", "ArrowLeft", "conversations", 1),
        ("conversations", "End", "conversations", 64),
        ("tokens", "Home", "tokens", 1),
        ("conversations", "Home", "conversations", 1),
    ):
        slide(demo, label, key)
        assert inputs(demo)[name] == value
        seen(demo, twin)
    for label, name, value in (
        ("bytes of a number", "number_bytes", "1"),
        ("keys and values for", "kept", "groups"),
        ("window", "window", "4096"),
        ("keys and values for", "kept", "one"),
        ("bytes of a number", "number_bytes", "4"),
        ("window", "window", "none"),
        ("keys and values for", "kept", "heads"),
    ):
        demo.get_by_label(label, exact=True).select_option(value)
        assert str(inputs(demo)[name]) == value
        seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


@pytest.mark.parametrize("model", [model["name"] for model in MODELS])
def test_every_model(show, model):
    demo = ready(show(Memory(tokens=1), dark=True))
    demo.get_by_label("model", exact=True).select_option(model)
    assert inputs(demo)["model_name"] == model
    twin = Memory()
    for tokens in ("End", "ArrowLeft"):
        slide(demo, "tokens", tokens)
        seen(demo, twin)
    demo.get_by_label("window", exact=True).select_option("4096")
    seen(demo, twin)


@pytest.mark.parametrize("width", [NARROWEST, PHONE])
def test_memory_on_a_phone(show, width):
    demo = ready(show(Memory(model_name="GPT-3 175B", number_bytes=4, conversations=64), width=width, touch=True))
    seen(demo, Memory())
    track = demo.get_by_label("tokens", exact=True).bounding_box()
    demo.page.touchscreen.tap(track["x"] + track["width"] / 2, track["y"] + track["height"] / 2)
    assert inputs(demo)["tokens"] == 1024
    seen(demo, Memory())
    assert demo.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_words_of_memory(show):
    demo = ready(show(Memory()))
    assert demo.locator(".title").inner_text() == "Memory"
    assert demo.locator(".formula > span").all_inner_texts() == [
        "bytes = 2 · layers · key–value heads · head size · bytes of a number · tokens"
    ]
    assert words(demo) == []
    assert demo.locator(".legend").all_inner_texts() == ["as chosen\nall heads\ngroups of heads\none head"]
    assert names(demo, "region", "button", "slider") == [
        'region "Demo: Memory"', 'button "Reset"', 'slider "tokens"', 'slider "conversations"',
    ]  # fmt: skip
    labels = ["model", "keys and values for", "window", "bytes of a number"]
    assert [name.split('"')[1] for name in names(demo, "combobox")] == labels


def test_what_is_not_known_is_refused():
    with pytest.raises(ValueError, match=r"must be one of Transformer base, .*got 'GPT-9'"):
        Memory(model_name="GPT-9")
    with pytest.raises(ValueError, match="has no layers"):
        Memory(models=[{"name": "mine"}], model_name="mine")


@pytest.mark.parametrize(
    ("name", "layers", "width", "inner", "vocabulary"),
    [
        ("Llama 2 7B", 32, 4096, 11_008, 32_000),
        ("Llama 2 70B", 80, 8192, 28_672, 32_000),
        ("Llama 3.1 8B", 32, 4096, 14_336, 128_256),
        ("Mistral 7B", 32, 4096, 14_336, 32_000),
    ],
)
def test_parameters_follow_from_the_published_sizes(name, layers, width, inner, vocabulary):
    (model,) = [model for model in MODELS if model["name"] == name]
    narrow = model["kv_heads"] * model["head_size"]
    layer = 2 * width**2 + 2 * width * narrow + 3 * width * inner + 2 * width
    assert model["layers"] == layers
    assert model["heads"] * model["head_size"] == width
    assert model["parameters"] == layers * layer + 2 * vocabulary * width + width
