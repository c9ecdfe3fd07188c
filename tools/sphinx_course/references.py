r"""Captions, numbers of formulas and citations: plain CommonMark in the notebook, tied together in the book.

    **Figure 5.1.** What is to be seen.     the paragraph below a figure: becomes its caption, with the id fig-5-1
    $$ a = b \tag{5.1} $$                   the number of a formula: it gets the id eq-5-1
    figure 5.1, equations (5.1) and (5.2)   in the text: links to them, also to those of another chapter
    [Luong et al. (2015)](../appendix/bibliography.md#luong2015)    the key of an entry of the bibliography

What is referred to and does not exist is a warning with its place, and a warning fails the build.
"""

import re
import unicodedata
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

LOGGER = logging.getLogger(__name__)
NUMBER = r"(?:\d+|[A-Z])\.\d+"  # of a chapter, or of a notebook of the appendix
LABEL = re.compile(rf"Figure ({NUMBER})\.")
TAG = re.compile(rf"\s*\\tag\{{({NUMBER})\}}")
_NUMBER = rf"\(?\b{NUMBER}\)?(?!\.?\d)"
REFERENCE = re.compile(
    rf"\b(?P<kind>figure|equation)s?[ \n\N{{NO-BREAK SPACE}}]{_NUMBER}"
    rf"(?:(?:, and |, or |, | and | or | to |–){_NUMBER})*",
    flags=re.IGNORECASE,
)
ONE = re.compile(rf"(?:[A-Za-z]{{6,}}[ \n\N{{NO-BREAK SPACE}}])?{_NUMBER}")  # with its word, but not with "and"
CITED = re.compile(r"^(?P<names>.+?),? \(?(?P<year>(?:1[89]|20)\d\d)[a-z]?\)?$", flags=re.DOTALL)
TYPE = "course-number"  # of a pending reference that this module resolves
NOT_TEXT = (nodes.FixedTextElement, nodes.literal, nodes.math, nodes.raw, nodes.reference, nodes.title)


def place(node: nodes.Node) -> str:
    """Return the cell and line of a node in a notebook, or nothing: myst-nb counts a cell as ten thousand lines."""
    while node.parent is not None and not node.line:
        node = node.parent
    line = node.line or 0
    return f" (cell {line // 10_000}, line {line % 10_000 - 1})" if line > 10_000 else ""


def warn(message: str, node: nodes.Node) -> None:
    """Warn with the place of a node; with ``-W`` the build fails."""
    LOGGER.warning("%s%s", message, place(node), location=node, type="course", subtype="reference")


def note(env: Any, name: str, target: str, node: nodes.Node) -> None:
    """Remember where something with a number is. Two cannot have the same."""
    for docname in env.found_docs:
        if name in env.metadata[docname].get("course_numbers", {}):
            warn(f"there are two with this number: {name}", node)
            return
    env.metadata[env.docname].setdefault("course_numbers", {})[name] = target


def has_image(node: nodes.Node) -> bool:
    """Whether a picture is part of it."""
    return next(node.findall(nodes.image), None) is not None


def tie_captions(env: Any, doctree: nodes.document) -> None:
    """Make a figure of each picture below which a caption stands."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        label = next((part for part in paragraph.children if part.astext()), None)  # MyST begins with an empty text
        found = LABEL.fullmatch(label.astext()) if isinstance(label, nodes.strong) else None
        if not found or label is None:
            continue
        above: Any = paragraph.previous_sibling()
        if not isinstance(above, nodes.Element) or not has_image(above) or isinstance(above, nodes.section):
            warn(f"no figure stands above the caption {label.astext()}", paragraph)
            continue
        target = f"fig-{found[1].replace('.', '-').lower()}"
        note(env, f"figure {found[1]}", target, paragraph)
        paragraph.parent.remove(paragraph)
        outputs = next((part for part in above.findall(nodes.container) if is_output(part)), None)
        if outputs is None:
            group, first, last = above.parent, above, above
        else:  # the caption belongs to what a cell shows, not to its code
            pictures = [part for part in outputs.children if has_image(part)]
            group, first, last = outputs, pictures[0], pictures[-1]
        start, end = group.index(first), group.index(last) + 1
        shown = group.children[start:end]
        del group[start:end]
        inside = shown[0] if len(shown) == 1 else nodes.container("", *shown)
        caption = nodes.caption(paragraph.rawsource, "", *paragraph.children)
        caption.source, caption.line = paragraph.source, paragraph.line
        group.insert(start, nodes.figure("", inside, caption, ids=[target]))


def is_output(node: nodes.Element) -> bool:
    """Whether it is what a code cell shows."""
    return node.get("nb_element") == "cell_code_output"


def number_formulas(env: Any, doctree: nodes.document) -> None:
    r"""Take ``\tag{5.1}`` out of each formula: formulas.py writes the number beside it."""
    for formula in doctree.findall(nodes.math_block):
        tags = TAG.findall(formula.astext())
        if len(tags) > 1:
            warn(f"a formula has one number, not {len(tags)}", formula)
        if tags:
            target = f"eq-{tags[0].replace('.', '-').lower()}"
            note(env, f"equation {tags[0]}", target, formula)
            formula["tag"] = tags[0]
            formula["ids"].append(target)
            formula.children = [nodes.Text(TAG.sub("", formula.astext()))]


def pending(docname: str, kind: str, words: str) -> addnodes.pending_xref:
    """Return a reference to something with a number, to be resolved when all pages are known."""
    number = re.search(rf"\b{NUMBER}", words)
    assert number
    target = f"{kind.lower()} {number[0]}"
    inside = nodes.inline(words, words.replace("\n", " "))
    return addnodes.pending_xref(words, inside, reftype=TYPE, reftarget=target, refdoc=docname, refwarn=False)


def find_references(env: Any, doctree: nodes.document) -> None:
    """Put pending references where the text speaks of something with a number."""
    for parent in list(doctree.findall(nodes.TextElement)):
        outer: Any = parent
        while outer is not None and not isinstance(outer, NOT_TEXT):
            outer = outer.parent
        if outer is not None or LABEL.fullmatch(parent.astext()):
            continue
        children: list[nodes.Node] = []
        for child in parent.children:  # a line break of the source is a text of its own
            if isinstance(child, nodes.Text) and children and isinstance(children[-1], nodes.Text):
                child = nodes.Text(children.pop() + child)
            children.append(child)
        parts: list[nodes.Node] = []
        for child in children:
            parts += split(env.docname, child) if isinstance(child, nodes.Text) else [child]
        if any(isinstance(part, addnodes.pending_xref) and part["reftype"] == TYPE for part in parts):
            parent.children = []
            parent.extend(parts)


def split(docname: str, text: str) -> list[nodes.Node]:
    """Cut a text into plain text and pending references."""
    parts: list[nodes.Node] = []
    end = 0
    for found in REFERENCE.finditer(text):
        for one in ONE.finditer(text, found.start(), found.end()):
            parts += [nodes.Text(text[end : one.start()]), pending(docname, found["kind"], one[0])]
            end = one.end()
    return [*parts, nodes.Text(text[end:])]


def name_entries(env: Any, doctree: nodes.document) -> None:
    """Let the key of an entry in the bibliography be the name of its section, as in ``bibliography.md#luong2015``."""
    if "cite" not in env.domains:
        return
    for (docname, id_), bibliography in env.get_domain("cite").bibliographies.items():
        for node in doctree.findall(nodes.Element) if docname == env.docname else []:
            if id_ in node.get("ids", []) and isinstance(node.parent, nodes.section):
                slugs = env.metadata[docname].setdefault("myst_slugs", {})
                for key in bibliography.keys:
                    node.parent["ids"].append(key)
                    slugs[key] = (node.line, key, node.parent[0].astext())


def check_citations(doctree: nodes.document) -> None:
    """See that the name and the year in the text of a citation are those of the entry that it leads to."""
    for link in doctree.findall(addnodes.pending_xref):
        target, cited = link.get("reftargetid") or "", CITED.match(link.astext().strip())
        if cited and str(link.get("reftarget", "")).endswith("bibliography"):
            plain = unicodedata.normalize("NFKD", cited["names"]).encode("ascii", "ignore").decode().lower()
            name = re.match(r"[a-z]*", target)
            assert name
            if name[0] not in re.sub("[^a-z]", "", plain) or cited["year"] not in target:
                warn(f"the citation “{link.astext()}” leads to the entry {target}", link)


def read(app: Sphinx, doctree: nodes.document) -> None:
    """Do what can be done with one page."""
    tie_captions(app.env, doctree)
    number_formulas(app.env, doctree)
    find_references(app.env, doctree)
    name_entries(app.env, doctree)
    check_citations(doctree)


def resolve(app: Sphinx, env: Any, node: addnodes.pending_xref, inside: nodes.TextElement) -> nodes.Element | None:
    """Lead a pending reference to its figure or formula, on whichever page that is."""
    if node["reftype"] != TYPE:
        return None
    name = node["reftarget"]
    for docname in env.found_docs:
        target = env.metadata[docname].get("course_numbers", {}).get(name)
        if target:
            return make_refnode(app.builder, node["refdoc"], docname, target, inside)
    warn(f"there is no {name}", node)
    return inside


def setup(app: Sphinx) -> None:
    """Connect the references to the build."""
    app.connect("doctree-read", read)
    app.connect("missing-reference", resolve)
