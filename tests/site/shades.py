"""Colors on the screen: which role they belong to, which weight they stand for, and whether they can be seen.

The five roles' colors are written on the page "Notation and colors" and, for a light and a dark site, in the site's
style sheet; both are read from there. Contrast is what WCAG 2.1 says it is: text 4.5 to 1, graphics 3 to 1.
"""

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drawn import COLOR, SHAPES, Shape
from PIL import Image
from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("query", "key", "value", "weight", "output")
TEXT, GRAPHIC = 4.5, 3.0
# Grid lines and frames may be faint: no number hangs on them. Nor can a color that is itself the value be chosen.
QUIET = {"grid", "edge", "ground", "ring", "backing", "sample"}
# The paler, the smaller the weight that they stand for: a weight near 0 is not to be seen.
# These must be seen from this opacity on.
SHADED = {"cell": 0.9, "thread": 0.5}

TEXTS = f"""root => {{ {COLOR}
  return [...root.querySelectorAll("*")].flatMap(node => {{
    const own = [...node.childNodes].filter(child => child.nodeType === 3 && child.data.trim());
    const style = getComputedStyle(node);
    if (!own.length || node.closest("select, [aria-disabled=true]") || style.visibility !== "visible") return [];
    const range = document.createRange();
    range.selectNodeContents(own[0]);
    const inPicture = node instanceof SVGElement;
    const paint = color(inPicture ? style.fill : style.color, opacity(node));
    return [...range.getClientRects()].filter(box => box.width > 2 && box.height > 2).slice(0, 1).map(box => ({{
      text: node.textContent.slice(0, 40), paint: paint || [0, 0, 0, 0],
      box: [box.left + scrollX, box.top + scrollY, box.right + scrollX, box.bottom + scrollY] }}));
  }});
}}"""

PAINTS = f"""(root, selectors) => {{ {COLOR}
  return [...root.querySelectorAll("*")].flatMap(node => {{
    if (node.closest(".legend")) return [];
    const style = getComputedStyle(node);
    const drawn = node instanceof SVGElement && node.tagName !== "text";
    const seen = {{
      fill: drawn, stroke: drawn, backgroundColor: true, accentColor: node.tagName === "INPUT",
      borderTopColor: parseFloat(style.borderTopWidth) > 0 && style.borderTopStyle !== "none",
      outlineColor: style.outlineStyle !== "none", textDecorationColor: style.textDecorationLine !== "none" }};
    return Object.keys(seen).filter(what => seen[what]).map(what => ({{
      name: `${{node.tagName.toLowerCase()}}.${{[...node.classList].join(".")}} ${{what}}`, what,
      paint: color(style[what]), places: selectors.filter(place => node.matches(place)) }}));
  }}).filter(found => found.paint);
}}"""


def role_colors(theme: str) -> dict[str, tuple[int, ...]]:
    """Each role's color: ``"figures"`` as on the notation page, ``"light"`` and ``"dark"`` as on the site."""
    if theme == "figures":
        page = (ROOT / "appendix" / "notation.md").read_text(encoding="utf-8")
        found = dict(re.findall(r'<span class="(\w+)">■ \w+</span> `(#\w{6})`', page))
    else:
        style = (ROOT / "assets" / "course.css").read_text(encoding="utf-8")
        (block,) = re.findall(rf'html\[data-theme="{theme}"\][^{{]*{{(\s*--query:[^}}]*)}}', style)
        found = {name: value for name, value in re.findall(r"--(\w+): (#\w{6});", block) if name in ROLES}
    assert tuple(found) == ROLES
    return {role: rgb(value) for role, value in found.items()}


def rgb(code: str) -> tuple[int, ...]:
    return tuple(int(code[i : i + 2], 16) for i in (1, 3, 5))


def over(paint: Sequence[float], ground: Any) -> Any:
    """What is seen of a color with its opacity on a ground."""
    return paint[3] * np.asarray(paint[:3]) + (1 - paint[3]) * np.asarray(ground, dtype=float)[..., :3]


def luminance(color: Any) -> Any:
    part = np.asarray(color, dtype=float)[..., :3] / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one: Any, other: Any) -> Any:
    a, b = luminance(one), luminance(other)
    return (np.maximum(a, b) + 0.05) / (np.minimum(a, b) + 0.05)


def oklab(color: Any) -> Any:
    """Perceived color (Ottosson, 2020), the space in which the demos' style sheets mix."""
    part = np.asarray(color, dtype=float)[..., :3] / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    cones = linear @ np.array(
        [[0.4122214708, 0.2119034982, 0.0883024619], [0.5363325363, 0.6806995451, 0.2817188376],
         [0.0514459929, 0.1073969566, 0.6299787005]]
    )  # fmt: skip
    return np.cbrt(cones) @ np.array(
        [[0.2104542553, 1.9779984951, 0.0259040371], [0.7936177850, -2.4285922050, 0.7827717662],
         [-0.0040720468, 0.4505937099, -0.8086757660]]
    )  # fmt: skip


def share_of(paint: Sequence[float], nothing: Sequence[float], full: Sequence[float]) -> float:
    """Which share of the way from one color to the other a color is at; it must lie on the way."""
    here, start, end = (oklab(color) for color in (paint, nothing, full))
    share = float((here - start) @ (end - start) / ((end - start) @ (end - start)))
    off = np.linalg.norm(here - start - share * (end - start))
    assert off < 0.02, f"the color {list(paint)} is not between {list(nothing)} and {list(full)}"
    return share


def hue(color: Any) -> float:
    """The angle of a color, in degrees."""
    _, a, b = oklab(color)
    return float(np.degrees(np.arctan2(b, a)))


def same_hue(one: Any, other: Any, within: float = 14) -> bool:
    return abs((hue(one) - hue(other) + 180) % 360 - 180) <= within


def in_roles_color(demo: Locator, roles: dict[str, Any], places: dict[str, tuple[str, str]]) -> list[str]:
    """What is painted in the color of a role, however thin, though no place of a role: ``{place: (color, role)}``."""
    found = demo.evaluate(PAINTS, list(places))
    return sorted(
        {
            one["name"]
            for one in found
            for role, color in roles.items()
            if np.allclose(one["paint"][:3], color, atol=2)
            and not any(places[place][1] == role for place in one["places"])
        }
    )


def painted(tab: Page, hide: str) -> Any:
    """The whole page as pixels, without what a style rule hides."""
    style = tab.add_style_tag(content=hide)
    image = Image.open(io.BytesIO(tab.screenshot(full_page=True, animations="disabled")))
    style.evaluate("node => node.remove()")
    return np.asarray(image.convert("RGB"))


def faint_texts(tab: Page, demos: Sequence[Locator]) -> list[tuple[str, float]]:
    """The texts of demos, in pictures and around them, that stand out too little from what is behind them."""
    no_ink = ".attn-demo * { color: transparent !important; text-decoration-color: transparent !important }"
    behind = painted(tab, no_ink + ".attn-demo svg text { fill: transparent !important }")
    found = []
    for text in (text for demo in demos for text in demo.evaluate(TEXTS)):
        left, top, right, bottom = text["box"]
        margin = (bottom - top) * 0.22  # above and below the letters
        ground = behind[int(top + margin) : int(bottom - margin) + 1, int(left) : int(right) + 1].reshape(-1, 3)
        # A line that crosses a text may come near its color, if that is a tenth of what is behind the text.
        seen = float(np.quantile(contrast(over(text["paint"], ground), ground), 0.1))
        if seen < TEXT:
            found.append((text["text"], round(seen, 2)))
    return found


def faint_shapes(tab: Page, demos: Sequence[Locator]) -> list[tuple[str, float]]:
    """The shapes of demos that stand out too little from what is behind them, or from what they frame."""
    behind = painted(tab, ".attn-demo svg :not(g, image, .ground, .backing) { visibility: hidden !important }")
    scroll = tab.evaluate("[scrollX, scrollY]")
    found = []
    for svg in (svg for demo in demos for svg in demo.locator("svg").all() if svg.is_visible()):
        for shape in (Shape(**drawn) for drawn in svg.evaluate(SHAPES)):
            paints = [paint for paint in (shape.fill, shape.stroke) if paint]
            palest = max((SHADED[kind] for kind in shape.kinds if kind in SHADED), default=0)
            if shape.tag in ("text", "image") or QUIET & set(shape.kinds) or not paints or paints[-1][3] < palest:
                continue
            x, y = np.transpose(shape.points if len(shape.points) > 2 else _along(shape))
            rows, columns = (y + scroll[1]).astype(int), (x + scroll[0]).astype(int)
            inside = (rows >= 0) & (rows < behind.shape[0]) & (columns >= 0) & (columns < behind.shape[1])
            ground = behind[rows[inside], columns[inside]]
            pairs = [contrast(over(paint, ground), ground) for paint in paints]
            if len(paints) > 1:
                pairs.append(contrast(*(over(paint, ground) for paint in paints)))
            seen = max(float(np.median(pair)) for pair in pairs)
            if seen < GRAPHIC:
                found.append((f"{shape.tag}.{'.'.join(shape.kinds)}", round(seen, 2)))
    return sorted(set(found))


def _along(shape: Shape) -> list[list[float]]:
    """Places on a shape: a circle's center, else nine between its two points."""
    ends = np.array([shape.points[0], shape.points[-1]])
    return [list(ends[0] + share * (ends[1] - ends[0])) for share in np.linspace(0.1, 0.9, 9)]
