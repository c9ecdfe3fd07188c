"""Fonts that the width checks set a page in: its width may not depend on which fonts a machine happens to have.

A narrow and a wide one, each by its name. `tools/check.py` installs their packages where it may.
"""

import pytest
from check import FONTS_FROM
from playwright.sync_api import Page

NARROW, WIDE = FONTS_FROM
FONTS = {"the machine's": "", "narrow": f'"{NARROW}"', "wide": f'"{WIDE}"'}
"""CSS's names of fonts; nothing for what the page would have."""

# A font that is missing leaves the width to the one behind it in the list.
WIDTHS = """name => ["serif", "monospace"].map(other => {
    const pen = document.createElement("canvas").getContext("2d");
    return [`${name}, ${other}`, other].map(font => {
        pen.font = `40px ${font}`;
        return pen.measureText("The weights sum to one, 0123456789 WWW iii").width;
    });
})"""


def style(font: str) -> str:
    """Return the style that sets everything in a font of FONTS. Formulas keep the fonts that the site brings."""
    return f"*:not(.katex, .katex *) {{ font-family: {font} !important }}" if font else ""


def require(tab: Page, font: str) -> None:
    """Fail, with the package that brings it, where a font of FONTS is not the one that the browser draws with."""
    if not font:
        return
    (in_serif, _), (in_monospace, _) = tab.evaluate(WIDTHS, font)
    name = font.strip('"')
    if in_serif != in_monospace:
        pytest.fail(f"There is no font {name}. Install it: `apt install {FONTS_FROM[name]}`.", pytrace=False)


def set_in(tab: Page, font: str) -> None:
    """Set a page in a font of FONTS."""
    if font:
        tab.add_style_tag(content=style(font))
        require(tab, font)
