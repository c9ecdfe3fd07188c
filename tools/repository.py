"""The repository's address: it stands in ``_config.yml``, and everything that repeats it is rewritten from there.

::

    python tools/repository.py set https://github.com/OWNER/attention
    python tools/repository.py check

``set`` changes ``_config.yml`` and then every file that repeats the address: the set-up cells of the chapters, badges,
citation, links. ``check`` lists the places that disagree and fails if there are any.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = "_config.yml"
PLACEHOLDER = "OWNER"
# Tests and this file speak about addresses in general, with invented ones.
SKIPPED = {".git", ".venv", "_build", "build", "node_modules", "tests"}
SKIPPED_FILES = {"tools/repository.py"}

OWNER = r"(?P<owner>[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?)"
NAME = r"(?P<name>[A-Za-z0-9._-]+)"
# Where an address of this form stands, it can only be the course's own. Elsewhere a link may lead to anybody.
OURS = (
    rf"git\+https://github\.com/{OWNER}/{NAME}",
    rf"git clone https://github\.com/{OWNER}/{NAME}",
    rf"colab\.research\.google\.com/github/{OWNER}/{NAME}",
    rf"mybinder\.org/(?:v2/gh|badge\S*gh)/{OWNER}/{NAME}",
    rf"repository-code: *[\"']?https://github\.com/{OWNER}/{NAME}",
    rf"github\.com/{OWNER}/{NAME}/actions/workflows",
)


def parse(url: str) -> tuple[str, str]:
    """Owner and name from an address such as ``https://github.com/owner/name``.

    A slash or ``.git`` at the end is forgiven.

    Raises:
        ValueError: If it is not such an address. The message says what is expected.
    """
    expected = f"expected an address such as https://github.com/{PLACEHOLDER}/attention, got {url!r}"
    if not url.startswith("https://"):
        raise ValueError(f"the address must start with https://; {expected}")
    found = re.fullmatch(rf"https://github\.com/{OWNER}/{NAME}", re.sub(r"(\.git)?/*$", "", url))
    if not found:
        raise ValueError(f"the Colab and Binder buttons open repositories on github.com; {expected}")
    if found["name"].strip(".") != found["name"] or len(found["name"]) > 100:
        raise ValueError(f"no repository has the name {found['name']!r}; {expected}")
    return found["owner"], found["name"]


def configured(root: Path = ROOT) -> tuple[str, str]:
    """Owner and name as ``_config.yml`` has them."""
    text = (root / CONFIG).read_text(encoding="utf-8")
    found = re.search(r"^repository:\n(?:[ #].*\n)*?  url: *(\S+)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{CONFIG} has no repository.url")
    return parse(found[1])


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Every text file that may repeat the address."""
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if SKIPPED & set(inside.parts) or inside.as_posix() in SKIPPED_FILES:
            continue
        if not path.is_file() or any(part.endswith(("_cache", ".egg-info")) for part in inside.parts):
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue


def rewrite(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Replace one address by another, in each form it takes: repository, Colab, Binder, Pages."""
    end = r"(?![A-Za-z0-9_-]|\.(?!git\b)[A-Za-z0-9])"  # "attention" must not match in "attention-2" or "attention.js"
    slug = re.escape("/".join(old))
    text = re.sub(rf"(github\.com/|/github/|/gh/){slug}{end}", lambda found: found[1] + "/".join(new), text)
    pages = rf"{re.escape(old[0])}\.github\.io/{re.escape(old[1])}{end}"
    return re.sub(pages, f"{new[0]}.github.io/{new[1]}", text, flags=re.IGNORECASE)


def set_address(url: str, root: Path = ROOT) -> list[str]:
    """Write the address into ``_config.yml`` and everywhere it is repeated. Returns the files that changed."""
    new, old = parse(url), configured(root)
    changed = []
    # The configuration last: it says what the old address was, should this be interrupted and called again.
    for path, text in sorted(texts(root), key=lambda found: found[0] == root / CONFIG):
        replaced = rewrite(text, old, new)
        if path == root / CONFIG:
            # The site's own address follows where it is the one that GitHub Pages gives. A domain of one's own stays.
            site = "" if new[0] == PLACEHOLDER else f"https://{new[0]}.github.io/{new[1]}/"
            pages = re.escape(f"https://{new[0]}.github.io/{new[1]}/")
            replaced = re.sub(rf'^(  baseurl: *)("{pages}"|"")', rf'\1"{site}"', replaced, flags=re.MULTILINE)
        if replaced != text:
            path.write_text(replaced, encoding="utf-8")
            changed.append(path.relative_to(root).as_posix())
    return sorted(changed)


def disagreements(root: Path = ROOT) -> list[str]:
    """Places whose address is not the one of ``_config.yml``, as ``file:line: what stands there``."""
    owner, name = configured(root)
    patterns = [re.compile(pattern) for pattern in OURS]
    found = []
    for path, text in texts(root):
        for number, line in enumerate(text.splitlines(), 1):
            places = [match for pattern in patterns for match in pattern.finditer(line)]
            # A full stop or .git after the name belongs to the sentence or to git.
            wrong = [m[0] for m in places if (m["owner"], re.sub(r"(\.git)?\.*$", "", m["name"])) != (owner, name)]
            if owner != PLACEHOLDER:
                wrong += re.findall(rf"github\.com/{PLACEHOLDER}/\S*|{PLACEHOLDER}\.github\.io\S*", line)
            if wrong:
                found.append(f"{path.relative_to(root).as_posix()}:{number}: {wrong[0]}")
    return found


def main(arguments: list[str]) -> int:
    """Run ``set URL`` or ``check``."""
    match arguments:
        case ["set", url] if url:
            try:
                changed = set_address(url)
            except ValueError as error:
                print(error, file=sys.stderr)
                return 2
            print("\n".join(changed) or "Nothing to change.")
            return 0
        case ["check"]:
            wrong = disagreements()
            if wrong:
                print("These places do not have the address of _config.yml; `make repository URL=…` sets all of them:")
                print("\n".join(wrong))
            return bool(wrong)
    print("usage: make repository URL=https://github.com/OWNER/attention", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
