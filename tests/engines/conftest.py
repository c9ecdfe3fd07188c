"""Firefox and WebKit: the browsers that `tests/site` does not use.

A browser that is missing is a failure that names the package that brings it. `tools/check.py` installs them where it
may. By default each engine sees the site in two settings that have nothing in common (from a server, light, wide; from
disk, dark, narrow); with `--all-settings`, as in `make engines`, in all eight.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.engines.firefox import Firefox
from tests.engines.webkit import WebKit, recording
from tests.site.conftest import BUILT, ROOT, serve

WIDE, PHONE = 1200, 390  # CSS pixels
WEBKIT_BROWSERS = "usr/lib/*/webkit2gtk-4.*/MiniBrowser"


class Setting(NamedTuple):
    """One way to see the site."""

    engine: str
    served: bool
    dark: bool
    width: int

    def __str__(self) -> str:
        place, theme = "served" if self.served else "from disk", "dark" if self.dark else "light"
        return f"{self.engine}, {place}, {theme}, {self.width}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-settings", action="store_true", help="see the site in each engine in all eight settings")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "setting" not in metafunc.fixturenames:
        return
    ways = [(True, False, WIDE), (False, True, PHONE)]
    if metafunc.config.getoption("--all-settings"):
        ways = list(itertools.product((True, False), (False, True), (WIDE, PHONE)))
    settings = [Setting(engine, *way) for engine in ("Firefox", "WebKit") for way in ways]
    metafunc.parametrize("setting", settings, ids=str, scope="session")


def start(setting: Setting, folder: Path) -> Firefox | WebKit:
    """Start the browser of a setting, or say what has to be installed."""
    if setting.engine == "Firefox":
        firefox = shutil.which("firefox-esr") or shutil.which("firefox")
        if not firefox:
            pytest.fail("There is no Firefox. Install one: `apt install firefox-esr`.", pytrace=False)
        return Firefox(firefox, folder / "profile", setting.dark)
    driver, browsers = shutil.which("WebKitWebDriver"), sorted(Path("/").glob(WEBKIT_BROWSERS))
    if not (driver and browsers and shutil.which("Xvfb")):
        pytest.fail("There is no WebKit. Install it: `apt install webkit2gtk-driver xvfb`.", pytrace=False)
    return WebKit(str(browsers[-1]), driver, folder, setting.dark)


@pytest.fixture(scope="session")
def window(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox | WebKit]:
    """A window of the engine, for all tests of one setting."""
    browser = start(setting, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def recorded_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built site whose pages keep their errors."""
    if not (BUILT / "intro.html").exists():
        pytest.fail(f"There is no built site in {BUILT.relative_to(ROOT)}. Run `make book` first.", pytrace=False)
    copy = tmp_path_factory.mktemp("site") / "html"
    shutil.copytree(BUILT, copy)
    for page in copy.rglob("*.html"):
        page.write_text(recording(page.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


@pytest.fixture(scope="session")
def address(setting: Setting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str]]:
    """Give the address of a page in the tests' own folder, from a server or from disk, as the setting says."""
    base = tmp_path_factory.getbasetemp()
    with serve(base) as server:
        yield lambda page: f"{server}/{page.relative_to(base).as_posix()}" if setting.served else page.as_uri()
