"""Translator in a real browser: it writes what the rounded PyTorch model writes, answers in words, can be broken."""

import base64
import shutil
from collections.abc import Iterator

import pytest
import torch
from demo_pages import FONTS, NARROWEST, PHONE, ROOT, SMALLEST_TEXT, check, fixed, inputs, ready
from drawn import assert_says, names
from playwright.sync_api import Locator, Page, expect

from attn_utils.data.vocabulary import END, START
from attn_utils.decoding import beam_search, greedy
from attn_utils.results import load
from attn_utils.widgets import Translator
from attn_utils.widgets.translator import bugs, packed
from attn_utils.widgets.translator.reading import LONGEST, read_words
from experiments.translation import parts

LONG = "the actress who has some clean boats is not coming to the beach but i am young and the old man reads the book"
LOOKS, QUOTED, ROWS = 4, 12, 30


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices, one after another: several threads would only wait for each other, and for the browser."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def stored() -> packed.Packed:
    return packed.stored()


@pytest.fixture(scope="module")
def sources(stored) -> list[list[int]]:
    """Two hundred sentences of the test part, in numbers."""
    number = {word: i for i, word in enumerate(stored.source_words)}
    return [[number[word] for word in pair.source] for pair in parts("random")[2][:200]]


@pytest.fixture
def modules(page, serve_folder) -> Page:
    """A page that holds the translator's modules as they are, and the model as `model`."""
    tab = page(f"{serve_folder(ROOT)}/assets/", errors_expected=True)  # a list of files, which has no icon
    tab.evaluate(
        """async () => {
          const folder = "/attn_utils/widgets/translator";
          for (const name of ["model", "search", "words"]) {
            Object.assign(window, await import(`${folder}/${name}.js`));
          }
          window.content = await new Promise((resolve) => {
            window.demoAsset = (_, content) => resolve(content);
            const script = document.createElement("script");
            script.src = "/assets/demos/translator.js";
            document.head.append(script);
          });
          window.model = transformer(content, unpack(content), "none");
        }"""
    )
    return tab


def numbers_of(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.float32)


PACK = """(lists) => {
  const bytes = new Uint8Array(Float32Array.from(lists.flat()).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}"""


# ------------------------------------------------------------------------------------------- the model of the page
def test_the_page_writes_what_the_rounded_model_writes(modules, stored, sources, record_property):
    """The words of 200 sentences, and the logits on the way to them."""
    found = modules.evaluate(
        f"""(sources) => {{
          const pack = {PACK};
          return sources.map((source) => {{
            const {{ tokens }} = greedy(model, source);
            let {{ memory, cache }} = model.start(source);
            const logits = [2, ...tokens.slice(0, -1)].map((word) => {{
              const next = model.step(word, memory, cache);
              cache = next.cache;
              return model.logits(next.state);
            }});
            return [tokens, pack(logits)];
          }});
        }}""",
        sources,
    )
    largest, smallest = 0.0, float("inf")
    for source, (tokens, logits) in zip(sources, found, strict=True):
        source = torch.tensor([source])
        assert tokens == greedy(stored.model, source).tokens[0].tolist()
        with torch.no_grad():
            wanted = stored.model(source, torch.tensor([[START, *tokens[:-1]]]))[0]
        got = numbers_of(logits).view(wanted.shape)
        largest = max(largest, (got - wanted).abs().max().item())
        best = wanted.topk(2).values
        smallest = min(smallest, (best[:, 0] - best[:, 1]).min().item())
    record_property("largest difference of logits", largest)
    record_property("smallest gap between the two best words", smallest)
    print(f"largest difference of logits {largest:.2g}, smallest gap {smallest:.2g}")
    assert largest < 1e-4 < smallest


def test_layer_by_layer_against_the_library(modules, stored, sources):
    source, target = sources[0], [START, 10, 20, 30]
    outputs: dict[str, torch.Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, out, name=f"{side}{i}": outputs.update({name: out.x[0]}))
        for side in ("encoder", "decoder")
        for i, layer in enumerate(getattr(stored.model, side).layers)
    ]
    hooks.append(stored.model.encoder.norm.register_forward_hook(lambda _, __, out: outputs.update(states=out[0])))
    with torch.no_grad():
        _, weights = stored.model(torch.tensor([source]), torch.tensor([target]), need_weights=True)
    for hook in hooks:
        hook.remove()
    found = modules.evaluate(
        """([source, target]) => {
          const lists = (tokens) => tokens.map((token) => [...token]);
          const { after, states } = model.encode(source);
          let { memory, cache } = model.start(source);
          const steps = target.map((word) => {
            const next = model.step(word, memory, cache);
            cache = next.cache;
            return { after: next.after.map(([x]) => [...x]), weights: next.weights };
          });
          return { after: after.map(lists), states: lists(states), steps };
        }""",
        [source, target],
    )
    for i in range(2):
        for got, wanted in [
            (found["after"][i + 1], outputs[f"encoder{i}"]),
            ([step["after"][i + 1] for step in found["steps"]], outputs[f"decoder{i}"]),
            ([step["weights"][i] for step in found["steps"]], weights[i, "cross"][0].transpose(0, 1)),
        ]:
            torch.testing.assert_close(torch.tensor(got), wanted, rtol=1e-5, atol=2e-5)
    torch.testing.assert_close(torch.tensor(found["states"]), outputs["states"], rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("bug", ["none", "position 0", "no positions"])
def test_beam_search_is_the_librarys(modules, stored, sources, bug):
    """Also of models that are in doubt at nearly each word, or do not come to an end."""
    chosen, model = sources[:30], bugs.broken(stored.model, bug)
    found = modules.evaluate(
        """([sources, bug]) => {
          const model = transformer(content, unpack(content), bug);
          return sources.map((source) => beamSearch(model, source));
        }""",
        [chosen, bug],
    )
    differ = 0
    for source, got in zip(chosen, found, strict=True):
        source = torch.tensor([source])
        wanted = beam_search(model, source, need_weights=True)
        assert got["tokens"] == wanted.tokens[0].tolist()
        assert got["logP"] == pytest.approx(wanted.log_probs.item(), abs=1e-3)
        cross = torch.stack([w[0] for (_, kind), w in wanted.weights.items() if kind == "cross"]).mean(dim=(0, 1))
        torch.testing.assert_close(torch.tensor(got["rows"]), cross, rtol=0, atol=1e-5)
        differ += got["tokens"] != greedy(model, source).tokens[0].tolist()
    assert bug == "none" or differ > 5, "here a beam has to find something else"


TEXTS = [
    "",
    "  ",
    "The old man reads the book.",
    "Anne's doctor, it is said; sleeps!",
    "<s> the cat",
    "the </s>",
    "zebra",
]
TEXTS += ["i don't", "my friends' dogs", "the\tcat\nsleeps", "the cat’s dog", "1 2 3", "É è", " ".join(["the"] * 25)]


def test_what_is_typed_is_read_alike(modules, stored):
    known = stored.source_words[4:]
    for text in TEXTS:
        got = modules.evaluate(
            "([text, known]) => readWords(text, new Map(known.map((word, i) => [word, i])))", [text, known]
        )
        assert (got["words"], got["problem"]) == read_words(text, known), text
    assert read_words("Anne's cat.", known)[0] == ["anne", "'s", "cat"]


# -------------------------------------------------------------------------------------------- what is to be seen
def look_of(twin: Translator, words: list[str]) -> str:
    written = twin.translation.split()
    rows = twin.weights.tolist()
    told = []
    for word, row in list(zip(written, rows, strict=False))[:LOOKS]:
        top = max(row)
        told.append(f"“{word}” at “{words[row.index(top)]}” ({fixed(top, 2)})" if top > 0 else f"“{word}” nowhere")
    listed = " and ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))
    return f" Most weight: {listed}" + (", …" if len(written) > LOOKS else ".")


def seen(demo: Locator, twin: Translator, *more: str) -> None:
    """The words, the map and the sentence are those that the library gives."""
    check(demo, twin)
    words, problem = read_words(twin.sentence, packed.stored().source_words)
    assert not problem
    written = twin.translation.split()
    assert demo.locator(".french").inner_text() == (twin.translation or "(no word)")
    ended = int(twin.tokens[-1]) == END
    assert demo.locator(".gaze .keys li").all_inner_texts() == words
    beside = (written + ["</s>"] * ended)[:ROWS]
    assert demo.locator(".gaze .queries li").all_inner_texts() == beside
    cells = demo.locator(".gaze .cell").evaluate_all("cells => cells.map(cell => +cell.getAttribute('fill-opacity'))")
    assert cells == pytest.approx(twin.weights[:ROWS].flatten().tolist(), abs=1e-5)
    if not more:
        quoted = " ".join(written[:QUOTED]) + (" …" if len(written) > QUOTED else "")
        remark = demo.locator(".whole .hint").inner_text()
        told = f"“{' '.join(words)}” becomes “{quoted}”.{look_of(twin, words)} {remark}".strip()
        assert_says(demo, told)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, PHONE])
def test_a_sentence_is_translated_and_its_map_drawn(show, width, dark):
    demo = ready(show(Translator(), width=width, dark=dark))
    seen(demo, Translator())
    assert demo.locator(".french").inner_text() == "le vieil homme lit le livre"
    demo.get_by_role("textbox").fill("She did not buy the red car!")
    seen(demo, Translator())
    demo.get_by_role("combobox", name="example").select_option("we will sing when the queen arrives at the park")
    assert inputs(demo)["sentence"] == "we will sing when the queen arrives at the park"
    demo.get_by_role("combobox", name="search").select_option("beam")
    seen(demo, Translator(search="beam"))
    demo.get_by_role("button", name="Reset").click()
    assert inputs(demo) == {"sentence": Translator().sentence, "search": "greedy", "bug": "none"}
    seen(demo, Translator())


def test_served_and_from_disk(show_both_ways):
    seen(ready(show_both_ways(Translator(sentence=LONG, search="beam"))), Translator(search="beam"))


def test_each_bug_does_the_same_in_the_page_and_in_python(show):
    """Words and weights of one sentence, and the counts over the stored ones, which Python has stored."""
    rows = {row["what"]: row for row in load("translator")["bugs"]}
    demo = ready(show(Translator()))
    expect(demo.locator(".counts")).to_contain_text("Choose a bug")
    options = demo.get_by_role("combobox", name="bug").locator("option")
    assert options.evaluate_all("options => options.map(option => option.value)") == ["none", *bugs.BUGS]
    whole = rows["none"]
    for bug in bugs.BUGS:
        demo.get_by_role("combobox", name="bug").select_option(bug)
        seen(demo, Translator(bug=bug), bug)
        wanted = rows[bug]
        lines = demo.locator(".counts tbody tr")
        expect(lines.nth(1)).to_contain_text(" of ", timeout=60_000)
        counted = [line.split("\t") for line in lines.all_inner_texts()]
        for line, name, row in zip(counted, ("unbroken", "broken"), (whole, wanted), strict=True):
            assert line[:2] == [name, f"{row['exact']} of {row['of']}"], bug
            assert float(line[2]) == pytest.approx(row["AER"], abs=0.016), bug  # broken, it may not know which is most
        expect(demo.locator(".caught")).to_contain_text("Caught by: ")
        expect(demo.locator(".sentence")).to_contain_text(
            f"With the bug {wanted['exact']} of {wanted['of']} held-out sentences are right, without it "
            f"{whole['exact']}; the alignment error rate is {counted[1][2]} instead of {counted[0][2]}."
        )
        assert wanted["exact"] < whole["exact"] / 2 or wanted["AER"] > 0.9, f"{bug} is not to be seen"


def test_another_bug_ends_the_count_of_the_first(show):
    demo = ready(show(Translator()))
    for bug in ("no norm", "view", "swapped"):
        demo.get_by_role("combobox", name="bug").select_option(bug)
    expect(demo.locator(".sentence")).to_contain_text("With the bug 0 of 40", timeout=60_000)
    row = next(row for row in load("translator")["bugs"] if row["what"] == "swapped")
    expect(demo.locator(".counts")).to_contain_text(fixed(row["AER"], 2))
    abandoned = demo.evaluate(
        """demo => {
          const bug = [...demo.querySelectorAll("select")].pop();
          bug.value = "no norm";
          bug.dispatchEvent(new Event("change"));
          return demo.querySelector(".counts").innerText;
        }"""
    )
    assert "…" in abandoned, "what was left has to be counted anew"
    demo.get_by_role("combobox", name="bug").select_option("none")
    expect(demo.locator(".counts")).to_contain_text("Choose a bug")
    seen(demo, Translator())


def test_a_broken_translator_that_never_ends_is_cut_off_in_words(show):
    demo = ready(show(Translator(bug="no norm", sentence=LONG)))
    seen(demo, Translator(bug="no norm"), "cut")
    expect(demo.locator(".whole .hint")).to_have_text("It did not come to an end: cut off after 58 words.")
    expect(demo.locator(".gaze + .hint")).to_have_text("… and 28 rows more")


ANSWERS = {
    "empty": ("   ", "There is nothing to translate yet"),
    "unknown": ("the zebra sleeps", "It has never seen “zebra”, so it has no vector for it: its 527 words"),
    "two unknown": ("the zebra meets a yak", "“zebra”"),
    "begun": ("the ca", "“ca” is but the beginning of a word: take one that is offered"),
    "symbol": ("the cat </s> sleeps", "A symbol such as “</s>” is not typed"),
    "long": (" ".join(["the"] * 25), "That is 25 words. The longest sentence in training had 24"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_what_cannot_be_translated_is_answered_in_words(show, kind):
    text, answer = ANSWERS[kind]
    demo = ready(show(Translator()))
    demo.get_by_role("textbox").fill(text)
    shown = check(demo, Translator())
    assert shown == {"tokens": [], "weights": []}
    expect(demo.locator(".french")).to_have_text("–")
    expect(demo.locator(".whole .hint")).to_contain_text(answer)
    expect(demo.locator(".sentence")).to_contain_text(answer)
    expect(demo.locator(".gaze")).to_be_hidden()
    demo.get_by_role("textbox").fill(LONG)
    assert len(LONG.split()) <= LONGEST
    seen(demo, Translator())


def test_a_fragment_is_translated_with_a_warning(show):
    demo = ready(show(Translator(sentence="cat")))
    seen(demo, Translator())
    for text, warned in (("cat", True), ("the old red cat", True), ("the cat sleeps", False)):
        demo.get_by_role("textbox").fill(text)
        remark = "This is no whole sentence" if warned else ""
        assert demo.locator(".whole .hint").inner_text().startswith(remark)
        assert bool(demo.locator(".whole .hint").inner_text()) == warned


@pytest.mark.parametrize("text", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "<b>cat</b>"])
def test_what_is_typed_stays_text(show, text):
    tab = show(Translator(sentence=text))
    dialogs = []
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    demo = ready(tab)
    demo.get_by_role("textbox").fill(f"the {text}")
    expect(demo.locator(".whole .hint")).to_contain_text("It has never seen")
    expect(demo.locator(".whole .hint")).to_contain_text(text.split()[0].lower())
    assert demo.locator("img, b, script").count() == 0
    assert not dialogs


def test_with_the_keyboard_alone_a_sentence_is_written_and_broken(show):
    tab = show(Translator(sentence=""))
    demo = ready(tab)
    field = demo.get_by_role("textbox", name="English sentence")
    tab.keyboard.press("Tab")  # Reset
    tab.keyboard.press("Tab")
    expect(field).to_be_focused()
    tab.keyboard.type("The ca")
    offers = demo.locator(".offers button")
    assert offers.all_inner_texts() == ["castle", "cat", "cake", "can", "cats"]
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    expect(offers.nth(1)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_value("The cat ")
    expect(offers).to_have_count(0)
    tab.keyboard.type("sle")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert inputs(demo)["sentence"].startswith("The cat sle")
    tab.keyboard.type("now")  # the caret stands at the end
    assert inputs(demo)["sentence"].endswith(" now")
    field.fill("the cat sleeps")
    seen(demo, Translator())
    for _ in range(3):
        tab.keyboard.press("Tab")
    expect(demo.get_by_role("combobox", name="bug")).to_be_focused()
    tab.keyboard.press("ArrowDown")
    assert inputs(demo)["bug"] == "position 0"
    expect(demo.locator(".counts tbody tr").nth(1)).to_contain_text(" of ", timeout=60_000)


def test_the_names_of_the_translator(show):
    demo = ready(show(Translator()))
    assert names(demo, "region", "textbox", "combobox", "button") == [
        'region "Demo: Translator"',
        'button "Reset"',
        'textbox "English sentence"',
        'combobox "example"',
        'combobox "search"',
        'combobox "bug"',
    ]


# ----------------------------------------------------------------------------------------------------- the asset
def test_without_its_asset_it_says_so_and_tries_again(show_both_ways, tmp_path):
    twin = Translator()
    tab = show_both_ways(twin, errors_expected=True)
    shutil.move(tmp_path / "demos" / "translator.js", tmp_path / "away.js")
    tab.reload()
    demo = ready(tab)
    expect(demo.get_by_role("alert")).to_contain_text("needs the translator (300 kB), which could not be loaded")
    expect(demo.locator(".hint")).to_contain_text("the installed library alone is without it")
    expect(demo.get_by_role("textbox")).to_have_count(0)
    demo.get_by_role("button", name="Try again").click()
    expect(demo.get_by_role("alert")).to_have_count(1)
    shutil.move(tmp_path / "away.js", tmp_path / "demos" / "translator.js")
    demo.get_by_role("button", name="Try again").click()
    expect(demo.locator(".french")).to_have_text("le vieil homme lit le livre")
    expect(demo.get_by_role("alert")).to_have_count(0)
    seen(demo, Translator())


def test_a_kernel_sends_the_asset_or_says_why_not(monkeypatch, tmp_path):
    demo, sent = Translator(), []
    monkeypatch.setattr(demo, "send", sent.append)
    demo._answer(demo, {"asset": "translator"}, [])
    assert packed.unpack(sent[0]["content"]).source_words == packed.stored().source_words
    demo._answer(demo, {"asset": "another"}, [])
    assert "no asset 'another'" in sent[1]["error"]
    monkeypatch.setattr(packed, "FILE", tmp_path / "translator.js")
    monkeypatch.setattr(packed.read, "__defaults__", (tmp_path / "translator.js",))
    demo._answer(demo, {"asset": "translator"}, [])
    assert "not part of the installed library" in sent[2]["error"]
    without = Translator()
    assert without.tokens.shape == without.weights.shape == (0,)
    assert without.translation == ""
    with pytest.raises(ValueError, match="not part of the installed library"):
        without.measure()


def test_the_built_site_has_the_asset(site):
    assert (site / "_static" / "demos" / "translator.js").read_bytes() == packed.FILE.read_bytes()
    assert (site / "_static" / "demo-host.js").is_file(), "assets are looked for beside the host"


# --------------------------------------------------------------------------------------------------------- room
@pytest.mark.parametrize("font", FONTS)
@pytest.mark.parametrize("width", [1200, 690, PHONE, NARROWEST])
def test_there_is_room_for_a_long_sentence_and_an_endless_answer(show, width, font):
    tab = show(Translator(sentence=LONG, bug="no residual"), width=width, font=FONTS[font])
    demo = ready(tab)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    sizes = demo.locator("*").evaluate_all("nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert min(sizes) >= SMALLEST_TEXT
    assert demo.locator(".cells").bounding_box()["width"] > 0.4 * min(width, 400)
    places = """list => [...list.children].map(item => {
      const box = item.getBoundingClientRect();
      return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    })"""
    cells = demo.locator(".cells").bounding_box()
    above, beside = (demo.locator(f".gaze .{side}").evaluate(places) for side in ("keys", "queries"))
    columns, rows = len(above), len(beside)
    assert [x for x, _ in above] == pytest.approx(
        [cells["x"] + (j + 0.5) * cells["width"] / columns for j in range(columns)], abs=1
    )
    assert [y for _, y in beside] == pytest.approx(
        [cells["y"] + (i + 0.5) * cells["height"] / rows for i in range(rows)], abs=1
    )
