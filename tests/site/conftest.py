"""What every test of the site needs: a real browser that cannot reach the network, and the built site.

    def test_something(page, served):
        tab = page(served + "/intro.html", width=390, dark=True)
        ...

`page` opens a tab. Every request that does not stay on this machine is refused and written down, and so is every
error in the console. When the test ends, a tab with either makes the test fail, unless it was opened with
`errors_expected=True` (for pages that were broken on purpose).
"""

import contextlib
import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import fonts
import pytest
from demo_pages import write_page
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "_build" / "html"
LOCAL_SCHEMES = ("file:", "data:", "blob:", "about:", "chrome:")
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    # The second lock beside the request filter: no name but this machine's own can be looked up at all.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def chromium() -> str | None:
    """Where Chromium is, or None to take the one that playwright installed for itself."""
    if "CHROMIUM" in os.environ:
        return os.environ["CHROMIUM"]
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole session. A machine without one fails: a skipped test proves nothing."""
    with sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=chromium(), args=BROWSER_ARGUMENTS)
        except Exception as error:
            pytest.fail(
                "No Chromium could be started. Install one (`apt install chromium`, or `playwright install chromium`), "
                f"or name its path in the variable CHROMIUM.\n{error}",
                pytrace=False,
            )
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open tabs: `page(url, width=1200, height=900, dark=False, …) -> Page`.

    A tab carries two lists: `tab.foreign`, addresses that were asked for and refused, and `tab.errors`, what the
    console said. Both must be empty at the end. Motion is off, so that what a test reads has come to rest.
    """
    with contextlib.ExitStack() as stack:
        tabs: list[Page] = []

        def open_tab(
            url: str | None = None,
            *,
            width: int = 1200,
            height: int = 900,
            dark: bool = False,
            touch: bool = False,
            javascript: bool = True,
            errors_expected: bool = False,
        ) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                reduced_motion="reduce",
                has_touch=touch,
                java_script_enabled=javascript,
            )
            stack.callback(context.close)
            tab = context.new_page()
            tab.foreign, tab.errors = [], []

            def guard(route) -> None:
                address = route.request.url
                if address.startswith((*LOCAL_SCHEMES, "http://127.0.0.1:")):
                    route.continue_()
                else:
                    tab.foreign.append(address)
                    route.abort()

            context.route("**/*", guard)
            tab.on("console", lambda message: message.type == "error" and tab.errors.append(message.text))
            tab.on("pageerror", lambda error: tab.errors.append(str(error)))
            tab.set_default_timeout(10_000)
            tab.set_default_navigation_timeout(60_000)  # a chapter has ten thousand boxes, a machine may be busy
            if not errors_expected:
                tabs.append(tab)
            if url is not None:
                tab.goto(url)
            return tab

        yield open_tab
        foreign = [address for tab in tabs for address in tab.foreign]
        errors = [error for tab in tabs for error in tab.errors]
    assert not foreign, f"the page asked for something outside this machine: {foreign}"
    assert not errors, f"the console shows errors: {errors}"


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port of this machine; gives its address, without a slash at the end."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass  # a line for every request would bury the test report

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], str]]:
    """Serve any folder until the test ends: `serve_folder(path) -> address`."""
    with contextlib.ExitStack() as stack:
        yield lambda folder: stack.enter_context(serve(folder))


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site, `_build/html`. It has to be there: `make book` makes it."""
    if not (BUILT / "intro.html").exists():
        pytest.fail(f"There is no built site in {BUILT.relative_to(ROOT)}. Run `make book` first.", pytrace=False)
    return BUILT


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """The address of the built site, served from this machine."""
    with serve(site) as address:
        yield address


@pytest.fixture
def show(page, tmp_path):
    """Open a page, from disk, that shows the widgets; gives the tab."""

    def open_page(*views, change=lambda state: state, theme="", font="", places=False, host=True, **options) -> Page:
        name = write_page(tmp_path, *views, change=change, theme=theme, font=font, places=places, host=host)
        tab = page((tmp_path / name).as_uri(), **options)
        if options.get("javascript", True):
            fonts.require(tab, font)
        return tab

    return open_page


@pytest.fixture(params=["served", "from disk"])
def show_both_ways(request, page, tmp_path, serve_folder):
    """Like `show`, once from a server and in light, once from disk and in dark."""

    def open_page(*views, **options) -> Page:
        name = write_page(tmp_path, *views)
        if request.param == "from disk":
            return page((tmp_path / name).as_uri(), dark=True, **options)
        return page(f"{serve_folder(tmp_path)}/{name}", **options)

    return open_page
