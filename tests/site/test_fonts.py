"""The fonts of the width checks: they are there, they are as different as their names say, a missing one is told."""

import fonts
import pytest


def test_a_missing_font_is_told_with_its_package(page, monkeypatch):
    monkeypatch.setitem(fonts.FONTS_FROM, "No Such Font", "fonts-no-such")
    with pytest.raises(pytest.fail.Exception, match=r"no font No Such Font\. Install it: `apt install fonts-no-such`"):
        fonts.set_in(page("about:blank"), '"No Such Font"')


def test_the_page_is_drawn_in_them(page):
    widths = {}
    for name, font in fonts.FONTS.items():
        tab = page("about:blank")
        tab.set_content("<p style='font: 20px serif'><span>The weights sum to one</span></p>")
        fonts.set_in(tab, font)
        widths[name] = tab.locator("span").bounding_box()["width"]
    assert widths["wide"] > 1.4 * widths["narrow"]
    assert len(set(widths.values())) == len(widths)
