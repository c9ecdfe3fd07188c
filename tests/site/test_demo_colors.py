"""The colors of the demos: each role has its own, and all that is to be seen stands out, on any page and in any theme.

axe skips what is inside pictures and on mixed colors; this looks at the pixels.
"""

import pytest
from demo_pages import DEMOS, ready
from drawn import colors
from playwright.sync_api import Locator, Page
from shades import contrast, faint_shapes, faint_texts, in_roles_color, role_colors, same_hue

from attn_utils.widgets import (
    AlignmentExplorer,
    CostAndReach,
    Heads,
    KernelExplorer,
    LookFromAPixel,
    MaskEditor,
    Memory,
    MergeMachine,
    PointAndAttend,
    PositionDials,
    TransformerExplorer,
    Translator,
    WhySqrtD,
)

# Where each role's color is: the elements, and which of their colors. It is nowhere else.
IN_COLOR = {
    PointAndAttend: {
        ".link": ("stroke", "weight"),
        ".rim": ("stroke", "key"),
        ".handle > circle:last-of-type": ("stroke", "query"),
        ".bar": ("backgroundColor", "weight"),
        ".swatch": ("borderTopColor", "output"),
        ".panel .slider input": ("accentColor", "query"),
    },
    KernelExplorer: {
        ".slider.query input": ("accentColor", "query"),
        ".plumb": ("stroke", "query"),
        "path.query": ("fill", "query"),
        ".point": ("fill", "value"),
        ".point ": ("stroke", "value"),
        ".stem": ("stroke", "weight"),
        "path.fit": ("stroke", "output"),
        "circle.output": ("fill", "output"),
    },
    WhySqrtD: {
        "rect.weight": ("fill", "weight"),
    },
    MaskEditor: {},
    AlignmentExplorer: {
        ".strip rect": ("fill", "query"),
        ".thread": ("stroke", "weight"),
        ".map .cell": ("fill", "weight"),
        ".map .here": ("stroke", "query"),
        ".source td.weight i": ("backgroundColor", "weight"),
    },
    Heads: {
        ".small .cell": ("fill", "weight"),
        ".small .row": ("stroke", "query"),
        ".sum .output": ("fill", "output"),
    },
    CostAndReach: {},
    PositionDials: {
        ".slider.query input": ("accentColor", "query"),
        ".hand.query": ("stroke", "query"),
        ".hand.key": ("stroke", "key"),
    },
    LookFromAPixel: {
        ".handle > circle:last-of-type": ("stroke", "query"),
        ".here": ("stroke", "query"),
        ".cell": ("fill", "weight"),
        ".bar": ("backgroundColor", "weight"),
    },
    TransformerExplorer: {
        ".atlas .cell": ("fill", "weight"),
        ".atlas .row": ("stroke", "query"),
        ".bar": ("backgroundColor", "weight"),
    },
    MergeMachine: {
        "rect.weight": ("fill", "weight"),
        "circle.value:not(.waiting)": ("fill", "value"),
        "circle.value.waiting": ("stroke", "value"),
        "path.way": ("stroke", "output"),
        "circle.output": ("fill", "output"),
        "circle.stop": ("fill", "output"),
        "circle.all": ("stroke", "output"),
    },
    Memory: {},
    Translator: {".gaze .cell": ("fill", "weight")},
}
# What a line or dot of a legend stands for, and where it is drawn.
LEGENDS = {
    KernelExplorer: {
        "truth": "path.truth",
        "fit": "path.fit",
        "data": ".point ",
        "leave-one-out": "path.loo",
        "against the truth": "path.truth",
    },
    WhySqrtD: {"not scaled": "path.raw", "scaled": "path.scaled"},
    PositionDials: {"query, at p": ".hand.query", "key, at p + k": ".hand.key"},
    CostAndReach: {"self-attention": ".curve.attention", "GRU": ".curve.gru"},
    Memory: {"as chosen": ".curve.chosen", "all heads": ".curve.heads", "groups of heads": ".curve.groups"},
    AlignmentExplorer: {"weight": ".thread", "gold link, sure": ".gold.sure.strong"},
    TransformerExplorer: {
        "this step": ".atlas .row",
        "gold link, sure": ".atlas .sure",
        "gold link, possible": ".atlas .possible",
    },
}
THEMES = [(site, dark) for site in (False, True) for dark in (False, True)]


@pytest.fixture(
    params=THEMES, ids=lambda theme: f"{'site' if theme[0] else 'elsewhere'}-{'dark' if theme[1] else 'light'}"
)
def opened(request, show) -> tuple[Page, list[Locator], dict]:
    """All demos with all that they can show, on a page of the site or elsewhere, and the roles' colors there."""
    site, dark = request.param
    theme = "dark" if dark else "light"
    demos = [
        PointAndAttend(),
        KernelExplorer(width=0.4),
        WhySqrtD(),
        MaskEditor(blocked=[[1, 0, 0, 0, 0, 0]] + [[0] * 6] * 4, causal=True),
        AlignmentExplorer(sentence=1, step=3),
        Heads(on=[True, False, True, True]),
        CostAndReach(),
        PositionDials(),
        TransformerExplorer(),
        MergeMachine(step=3, forget=True),
        Memory(window="4096", kept="groups"),
        Translator(bug="position 0"),
        LookFromAPixel(),
    ]
    tab = show(*demos, dark=dark, places=site, theme=f'data-theme="{theme}"')
    alive = [ready(tab, index) for index in range(len(DEMOS))]
    return tab, alive, role_colors(theme if site or dark else "figures")


def test_roles_have_their_colors(opened):
    _, demos, wanted = opened
    for kind, demo in zip(DEMOS, demos, strict=True):
        for place, (what, role) in IN_COLOR[kind].items():
            painted = colors(demo.locator(place), what)
            assert painted, f"{kind.__name__} has no {place}"
            assert all(painted), f"{kind.__name__}: {place} has no color"
            for paint in painted:
                assert paint[:3] == pytest.approx(wanted[role], abs=2), (
                    f"{kind.__name__}: {place} is not as {role}s are"
                )
        for role, color in wanted.items():
            for paint in colors(demo.locator(f".word.{role}")):
                assert same_hue(paint, color), f"{kind.__name__}: a word's color is not that of {role}s"
        stray = in_roles_color(demo, wanted, IN_COLOR[kind])
        assert not stray, f"{kind.__name__}: what is no role has the color of one: {stray}"
        for text, place in LEGENDS.get(kind, {}).items():
            entry = demo.locator(".legend span").get_by_text(text, exact=True).first.locator("i")
            dot = "dot" in entry.get_attribute("class")
            sign = colors(entry, "backgroundColor" if dot else "borderTopColor")[0]
            mark = colors(demo.locator(place), "stroke")[0]
            assert sign[:3] == pytest.approx(mark[:3], abs=2), f"{kind.__name__}: {text} has another color"
            dashed = demo.locator(place).first.evaluate("node => getComputedStyle(node).strokeDasharray !== 'none'")
            line = entry.evaluate("node => getComputedStyle(node).borderTopStyle")
            assert (line == "dashed") == dashed or dot, f"{kind.__name__}: {text} is dashed in one place"


def test_all_that_is_drawn_and_written_stands_out(opened):
    tab, demos, _ = opened
    # What is hidden has its text all the same, for all who ask for it but the reader.
    hidden = """demo => [...demo.querySelectorAll(":not(option, svg *)")].filter(node =>
      [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())
      && !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })).map(node => node.outerHTML)"""
    for demo in demos:
        assert demo.evaluate(hidden) == []
    assert not faint_texts(tab, demos)
    assert not faint_shapes(tab, demos)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_role_has_one_hue(theme):
    """On the site it is darker or lighter than in figures, but the same."""
    figures = role_colors("figures")
    assert all(same_hue(color, figures[role]) for role, color in role_colors(theme).items())


def test_contrast_is_that_of_wcag():
    assert contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)
    assert contrast((204, 0, 0), (255, 255, 255)) == pytest.approx(5.89, abs=0.01)
