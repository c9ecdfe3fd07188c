"""Transformer explorer in a real browser: a model's weights on the screen, by mouse and keyboard, wide and narrow."""

import itertools

import pytest
import torch
from demo_pages import FONTS, NARROWEST, PHONE, SMALLEST_TEXT, inputs, ready, slide
from drawn import names, words
from playwright.sync_api import Locator, expect
from transformer_seen import seen

from attn_utils.data.pairs import Pair
from attn_utils.data.vocabulary import END, START, Vocabulary
from attn_utils.decoding import greedy
from attn_utils.transformer import Transformer
from attn_utils.widgets import TransformerExplorer

WORDS = ["we", "see", "the", "red", "house", "of", "an", "old", "man", "and", "his", "dog"]
NUMBERS = Vocabulary([WORDS])


def small_model() -> Transformer:
    """An untrained model whose weights are far from even; with this seed it writes five words and ends."""
    with torch.random.fork_rng():
        torch.manual_seed(290)
        model = Transformer(len(NUMBERS), len(NUMBERS), 16, num_heads=4, num_layers=2)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(2)
    return model


def written(model: Transformer, source, max_length: int) -> list[str]:
    tokens = greedy(model, torch.tensor([NUMBERS.encode(source)]), max_length=max_length).tokens[0]
    return [NUMBERS.words[number] for number in tokens.tolist()]


def of_a_model(**options) -> TransformerExplorer:
    """Three sentences; the model writes the reference of the first, as its reference is what the model writes."""
    model, pairs = small_model(), []
    for source, links in ((WORDS[:5], [(0, 0), (4, 1), (3, 2)]), (WORDS[2:9], []), (WORDS[:1], [])):
        target = [word for word in written(model, source, 7) if word != "</s>"]
        reference = target if links else WORDS[3:6]
        pairs.append(Pair(tuple(source), tuple(reference), frozenset(links[1:]), frozenset(links)))
    demo = TransformerExplorer.of(model, pairs, ["first", "second", "third"], NUMBERS, NUMBERS, max_length=7, **options)
    assert [run.is_the_reference for run in demo.sentences] == [True, False, False]
    return demo


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, PHONE])
def test_every_kind_of_attention_of_every_head(show, width, dark):
    twin = of_a_model(step=2)
    demo = ready(show(of_a_model(step=2), width=width, dark=dark))
    start = seen(demo, twin)
    for kind in ("encoder", "decoder", "cross"):
        demo.get_by_role("radio", name=kind).check()
        for layer, head in ((1, 1), (0, 3)):
            demo.get_by_role("combobox", name="layer").select_option(label=str(layer + 1))
            demo.locator(".tile").nth(head).click()
            assert inputs(demo) == {**inputs(demo), "kind": kind, "layer": layer, "head": head}
            seen(demo, twin)
    for head in ("all", "mean"):
        demo.get_by_role("combobox", name="head").select_option(value=head)
        seen(demo, twin)
    demo.get_by_role("button", name="Reset").click()
    assert seen(demo, twin) == start


def test_every_step_of_the_decoder(show_both_ways):
    twin = of_a_model()
    demo = ready(show_both_ways(of_a_model()))
    steps = len(twin.sentences[0].target)
    for kind in ("cross", "decoder"):
        demo.get_by_role("radio", name=kind).check()
        slide(demo, "step", "Home")
        for step in range(steps):
            assert inputs(demo)["step"] == step
            seen(demo, twin)
            if step < steps - 1:
                demo.get_by_role("button", name="Next").click()
    assert inputs(demo)["step"] == steps - 1
    demo.get_by_role("button", name="Previous").click()
    assert inputs(demo)["step"] == steps - 2
    seen(demo, twin)


def test_the_encoder_has_words_that_ask_instead_of_steps(show):
    twin = of_a_model(kind="encoder", head="mean")
    demo = ready(show(of_a_model(kind="encoder", head="mean")))
    for word in range(5):
        assert inputs(demo)["step"] == word
        seen(demo, twin)
        slide(demo, "word that asks", "ArrowRight")
    # Another sentence starts at its first word; the row after the last is the last.
    demo.get_by_role("combobox", name="sentence").select_option("second")
    assert inputs(demo) == {**inputs(demo), "sentence": 1, "step": 0}
    seen(demo, twin)
    slide(demo, "word that asks", "End")
    seen(demo, twin)
    demo.get_by_role("combobox", name="sentence").select_option("third")
    seen(demo, twin)


def test_a_mean_over_all_layers_is_there_in_cross_attention_alone(show):
    twin = of_a_model(head="all", step=1)
    demo = ready(show(of_a_model(head="all", step=1)))
    seen(demo, twin)
    expect(demo.locator(".sentence")).to_contain_text("All 2 layers, mean of all 8 heads, cross-attention: to write")
    demo.get_by_role("radio", name="decoder").check()
    seen(demo, twin)
    expect(demo.locator(".sentence")).to_contain_text("Layer 1, mean of its 4 heads, self-attention of the decoder:")


def test_gold_links_are_those_of_the_reference(show):
    twin = TransformerExplorer(step=5)
    demo = ready(show(TransformerExplorer(step=5)))
    seen(demo, twin)
    assert demo.locator(".gold").count() == len(twin.sentences[0].possible) == 5
    demo.get_by_role("checkbox").press("Space")
    assert demo.locator(".gold").count() == 0
    seen(demo, twin)
    demo.get_by_role("combobox", name="sentence").select_option("by hand: a wrong word")
    demo.get_by_role("checkbox").press("Space")
    assert demo.locator(".gold").count() == 0
    expect(demo.locator(".so-far")).to_contain_text("Reference: le chien mord le vieil homme")
    seen(demo, twin)


def test_the_heads_are_one_stop_of_the_keyboard(show):
    twin = of_a_model(step=1)
    tab = show(of_a_model(step=1))
    demo = ready(tab)
    demo.get_by_role("checkbox").focus()
    tab.keyboard.press("Tab")
    expect(demo.locator(".tile").first).to_be_focused()
    tab.keyboard.press("ArrowRight")
    tab.keyboard.press("ArrowRight")
    expect(demo.locator(".tile").nth(2)).to_be_focused()
    assert inputs(demo)["head"] == 0, "to look around is not to choose"
    tab.keyboard.press("Enter")
    assert inputs(demo)["head"] == 2
    expect(demo.locator(".tile").nth(2)).to_be_focused()
    seen(demo, twin)
    tab.keyboard.press("End")
    tab.keyboard.press("Space")
    assert inputs(demo)["head"] == 3
    seen(demo, twin)
    tab.keyboard.press("Tab")
    assert not demo.evaluate("demo => demo.contains(document.activeElement)"), "one stop"
    demo.get_by_role("radio", name="cross").press("ArrowUp")
    assert inputs(demo)["kind"] == "decoder"
    seen(demo, twin)


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_row_of_the_large_map_is_chosen_where_it_is_pressed(show, touch):
    twin = of_a_model()
    demo = ready(show(of_a_model(), width=PHONE if touch else 1200, touch=touch))
    large = demo.locator(".sheet svg")
    rows = len(twin.sentences[0].target)
    for row in (rows - 1, 1, 0):
        box = large.bounding_box()
        spot = {"x": box["width"] / 3, "y": (row + 0.4) * box["height"] / rows}
        large.tap(position=spot) if touch else large.click(position=spot)
        assert inputs(demo)["step"] == row
        seen(demo, twin)


def test_a_row_is_what_the_model_looked_at_to_write_its_word(show):
    """From the words of the page back to the model: it writes the word, with these weights, after these words."""
    model = small_model()
    demo = ready(show(of_a_model(step=3)))
    run = of_a_model().sentences[0]
    so_far = demo.locator(".so-far > span").first.inner_text().removeprefix("Written so far: ").split()
    read = torch.tensor([[START, *NUMBERS.encode(so_far[:-1])]])
    with torch.no_grad():
        logits, weights = model(torch.tensor([NUMBERS.encode(run.source)]), read, need_weights=True)
    assert NUMBERS.words[logits[0, -1].argmax()] == so_far[-1] == run.target[3]
    for kind, name in (("cross", "cross"), ("decoder", "self")):
        demo.get_by_role("radio", name=kind).check()
        shown = [float(text) for text in demo.locator(".row-table td:nth-child(2)").all_inner_texts()]
        assert shown == pytest.approx(weights[0, name][0, 0, -1].tolist(), abs=0.0056)
        assert max(shown) > 0.3


def test_the_words_of_the_transformer_explorer(show):
    demo = ready(show(TransformerExplorer()))
    assert demo.locator(".title").inner_text() == "Transformer explorer"
    assert " ".join(demo.locator(".formula").inner_text().split()) == "weights of a head = softmax(q · k / √f)"
    assert words(demo) == [
        *[("weights", "weight"), ("q", "query"), ("k", "key")],
        *[("word being written", "query"), ("source word", "key"), ("“rouge”", "query"), ("weights", "weight")],
    ]
    assert names(demo, "region", "combobox", "radio", "checkbox", "group") == [
        'region "Demo: Transformer explorer"',
        'combobox "sentence"',
        'group "attention"',
        *('radio "encoder"', 'radio "decoder"', 'radio "cross" [checked]'),
        *('combobox "layer"', 'combobox "head"', 'checkbox "gold links in cross-attention" [checked]'),
        'group "heads of the layer"',
    ]
    expect(demo.locator(".sentence")).to_have_text(
        "Layer 1, head 1, cross-attention: to write “rouge” it looks most at “red” (0.92). Gold: “red”."
    )


def long_words(**options) -> TransformerExplorer:
    """A sentence of 16 words, some as long as words get, of a model with six heads."""
    vocabulary = Vocabulary([[f"internationalization{i}" for i in range(8)] + [f"word{i}" for i in range(8)]])
    torch.manual_seed(1)
    model = Transformer(len(vocabulary), len(vocabulary), 24, num_heads=6, num_layers=3)
    with torch.no_grad():
        model.target_embedding.weight[END] = 0
    pair = Pair(vocabulary.words[4:20], vocabulary.words[4:12])
    label = "a long sentence with a label that says at length what is to be seen in it"
    return TransformerExplorer.of(model, [pair], [label], vocabulary, vocabulary, max_length=16, **options)


@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("width", [1200, 690, PHONE, NARROWEST])
def test_there_is_room_for_a_long_sentence(show, width, font):
    tab = show(long_words(step=9), width=width, font=FONTS[font])
    demo = ready(tab)
    seen(demo, long_words(step=9))
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    sizes = demo.locator("*").evaluate_all("nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert min(sizes) >= SMALLEST_TEXT
    assert demo.locator(".sheet svg").bounding_box()["width"] > 0.4 * min(width, 400)
    pitch, letters = demo.locator(".keys").evaluate(
        "list => [list.clientWidth / list.childElementCount, parseFloat(getComputedStyle(list).fontSize)]"
    )
    assert letters < 1.05 * pitch, "words above the map stand in each other's way"
    boxes = demo.locator(".tile").evaluate_all("tiles => tiles.map(tile => tile.getBoundingClientRect().toJSON())")
    assert all(box["width"] >= 24 and box["height"] >= 24 for box in boxes), "too small for a finger"
    assert overlaps(demo, ".queries li", ".keys li", ".tile", ".row-table tr") == []


@pytest.mark.parametrize("box", [288, 358, 398, 540, 624, 736, 832])
def test_a_page_reserves_the_room_that_a_models_sentence_takes(show, box):
    demos = [of_a_model(step=2), of_a_model(sentence=1, kind="encoder"), long_words(step=9)]
    tab = show(*demos, places=True, width=1000)
    for index in range(len(demos)):
        ready(tab, index)
    taken = tab.evaluate(
        """box => {
          document.querySelector("main").style.width = `${box}px`;
          return [...document.querySelectorAll(".demo-host")].map(host => {
            const room = parseFloat(getComputedStyle(host).minHeight);
            host.style.cssText = "min-height: 0 !important";
            return host.clientHeight / room;
          });
        }""",
        box,
    )
    assert max(taken) < 1.03
    assert min(taken) > 0.8


def test_the_small_maps_are_printed_though_buttons_are_not(show):
    tab = show(TransformerExplorer())
    demo = ready(tab)
    tab.emulate_media(media="print")
    expect(demo.get_by_role("button", name="Next")).to_be_hidden()
    expect(demo.locator(".tile")).to_have_count(4)
    assert all(tile.is_visible() for tile in demo.locator(".tile").all())


def overlaps(demo: Locator, *places: str) -> list[str]:
    """Neighbors among words or tiles that lie over each other."""
    found = []
    for place in places:
        boxes = demo.locator(place).evaluate_all(
            "nodes => nodes.map(node => node.getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom])"
        )
        for one, other in itertools.combinations(boxes, 2):
            apart = one[2] <= other[0] + 0.5 or other[2] <= one[0] + 0.5
            if not (apart or one[3] <= other[1] + 0.5 or other[3] <= one[1] + 0.5):
                found.append(place)
    return found
