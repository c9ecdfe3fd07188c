"""Texts in figures: words are drawn as they are written, formulas where they are meant, in fonts that are there."""

import subprocess
import sys
import warnings

import pytest
import torch
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.backends.backend_agg import RendererAgg

from attn_utils import plots

WORDS = ["$$", "$%$", "_name", "$x$", r"\$", "$5 – $10", "a_b", "100 %", ""]
AS_WRITTEN = ["$$", "$%$", "from $5 to $10", "$5–$10", "US$5/US$6", "A$ and B$", "$ x$", "$x $", "$", "a_b^c", "$$x$$"]
FORMULAS = ["$x$", "norm of $J$", "$h = 0.1$ and $h = 2$", r"$\frac{1}{2}$ of \$10", r"$\mathdefault{10^{-1}}$"]


@pytest.fixture
def drawn(monkeypatch):
    """What reaches the renderer: texts as they are written, and texts read as formulas."""
    seen = []
    plain, math = RendererAgg.draw_text, RendererAgg.draw_mathtext

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        if not ismath:
            seen.append((s, False))
        plain(self, gc, x, y, s, prop, angle, ismath=ismath, mtext=mtext)

    def draw_mathtext(self, gc, x, y, s, prop, angle):
        seen.append((s, True))
        math(self, gc, x, y, s, prop, angle)

    monkeypatch.setattr(RendererAgg, "draw_text", draw_text)
    monkeypatch.setattr(RendererAgg, "draw_mathtext", draw_mathtext)

    def of(figure):
        seen.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.png()
        return set(seen)

    return of


@pytest.mark.parametrize(
    "make",
    [
        lambda words: plots.heatmap(torch.eye(len(words)), keys=words, alt="Words."),
        lambda words: plots.heatmap(torch.eye(len(words)), queries=words, alt="Words."),
        lambda words: plots.alignment(None, words, ["x"], sure={(0, 0)}, alt="Words."),
        lambda words: plots.alignment(None, ["x"], words, sure={(0, 0)}, alt="Words."),
        lambda words: plots.bars(torch.ones(len(words)), labels=words, alt="Words."),
    ],
)
def test_words_of_data_are_drawn_as_they_are_written(make, drawn):
    assert {(word, False) for word in WORDS if word} <= drawn(make(WORDS))


def titled(text):
    return plots.heatmap(torch.eye(2), titles=[text], alt="A title.")


def labeled(text):
    return plots.curves([0, 1], {"a": [0, 1]}, xlabel=text, ylabel="y", alt="A label.")


def named(text):
    return plots.curves([0, 1], {text: [0, 1], "other": [1, 0]}, xlabel="x", ylabel="y", alt="A legend.")


def fitted(text):
    return plots.fits([0, 1], [0, 1], [0], [0], {text: [0, 1]}, alt="A title.")


def by_hand(text):
    """As a chapter draws what no chart does."""
    fig, ax = plots.subplots(alt="By hand.")
    ax.plot([0, 1], label=text)
    ax.legend()
    return fig


@pytest.mark.parametrize("make", [titled, labeled, named, fitted, by_hand])
def test_a_title_or_name_is_drawn_as_written_where_its_dollars_are_no_formula(make, drawn):
    for text in AS_WRITTEN:
        assert (text, False) in drawn(make(text)), text


@pytest.mark.parametrize("make", [titled, labeled, named, fitted, by_hand])
def test_a_formula_in_a_title_or_name_is_drawn_as_one(make, drawn):
    for text in FORMULAS:
        assert (text, True) in drawn(make(text)), text


def test_a_saved_figure_follows_the_same_rule(tmp_path):
    titled("$%$").savefig(tmp_path / "figure.svg")
    assert "<svg" in (tmp_path / "figure.svg").read_text()


def test_what_is_a_formula():
    assert not any(map(plots.has_formula, AS_WRITTEN))
    assert all(map(plots.has_formula, FORMULAS))
    assert not plots.has_formula(r"costs \$5")  # no formula to read, and matplotlib draws the dollar alone


def test_a_name_that_begins_with_an_underscore_stays_in_the_legend():
    series = {"_name": [0, 1], "name": [1, 0], "__": [2, 2]}
    (ax,) = plots.curves([0, 1], series, xlabel="x", ylabel="y", alt="Three lines.").axes
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == list(series)
    for handle, line in zip(legend.legend_handles, ax.lines, strict=True):
        assert handle.get_color() == line.get_color()
    assert {line.get_label(): line.get_ydata().tolist() for line in ax.lines} == series


# Fonts

DRAW = """
import logging, sys, warnings
warnings.simplefilter("error")
logging.basicConfig(level=logging.WARNING)
from matplotlib.font_manager import fontManager
if sys.argv[1:]:
    fontManager.ttflist = [font for font in fontManager.ttflist if font.name == "DejaVu Sans"]
    fontManager.addfont(sys.argv[1])
from attn_utils import plots
print(plots.STYLE["font.family"])
word = "\u4e2d\u4e2d" if sys.argv[1:] else "word"
plots.heatmap([[1.0]], keys=[word], titles=[word], alt="A word.").png()
"""


def draw(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", DRAW, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip(), done.stderr


def font_file(folder, family, style="Regular", weight=400):
    """Write a font with one character, U+4E2D."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "middle"])
    builder.setupCharacterMap({0x4E2D: "middle"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "middle": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "middle": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": family, "styleName": style})
    builder.setupOS2(usWeightClass=weight)
    builder.setupPost()
    path = folder / "font.ttf"
    builder.save(path)
    return path


def test_a_font_that_is_missing_is_not_complained_about():
    families, complaints = draw()
    assert families.startswith("['DejaVu Sans'")
    assert complaints == ""


@pytest.mark.parametrize("family", ["Noto Sans CJK JP", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Unifont"])
def test_chinese_words_are_drawn_with_a_font_of_the_machine(tmp_path, family):
    """A character that no font has would be a warning, which is an error here."""
    families, complaints = draw(font_file(tmp_path, family))
    assert families == str(["DejaVu Sans", family])
    assert complaints == ""


def test_a_character_that_no_font_has_is_named():
    with pytest.warns(UserWarning, match=r"Glyph 983040 .* missing"):
        plots.heatmap([[1.0]], keys=["\U000f0000"], alt="A box.").png()
