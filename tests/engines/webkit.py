"""WebKit, as in Safari and in GNOME's browser, driven by WebKitGTK's own driver in a display without a screen.

Its windows do not get as narrow as a phone, so every page is opened in a frame of the width asked for. The driver does
not report the console: the pages that are tested keep their errors in `window.recordedErrors` (see `recording`).
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, WebKitGTK, WebKitGTKOptions
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.webkitgtk.service import Service

RECORDER = """<script>
  window.recordedErrors = [];
  addEventListener("error", event => recordedErrors.push(event.message || `${event.target.src} did not load`), true);
  addEventListener("unhandledrejection", event => recordedErrors.push(String(event.reason)));
  for (const say = console.error; console.error === say;)
    console.error = (...parts) => { recordedErrors.push(parts.join(" ")); say(...parts); };
</script>"""


def recording(html: str) -> str:
    """Return a page that keeps its errors."""
    return html.replace("<head>", "<head>" + RECORDER, 1)


class WebKit:
    """One window with one frame."""

    name = "WebKit"

    def __init__(self, browser: str, driver: str, folder: Path, dark: bool) -> None:
        reading, writing = os.pipe()
        self.display = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        environment = os.environ | {
            "DISPLAY": f":{number}",
            "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # there are no namespaces for it in a container
            "GTK_THEME": "Adwaita:dark" if dark else "Adwaita",
            "HOME": str(folder),
        }
        options = WebKitGTKOptions()
        options.binary_location = browser
        options.add_argument("--automation")
        if dark:
            options.add_argument("--dark-mode")
        self.frame = folder / "frame.html"
        self.errors: list[str] = []
        self._driver = WebKitGTK(options=options, service=Service(executable_path=driver, env=environment))
        self._driver.set_window_size(1300, 950)

    def open(self, url: str, width: int, height: int) -> None:
        """Open a page in a frame of this size and wait until all of it is loaded."""
        self._collect()
        # From disk a page may stand in a frame of another page from disk; from a server the frame's page is its own.
        self.frame.write_text(
            f'<!doctype html><body style="margin: 0"><iframe style="border: 0; width: {width}px; height: {height}px" '
            f'src="{url}"></iframe></body>',
            encoding="utf-8",
        )
        self._driver.get(self.frame.as_uri())
        self._driver.switch_to.frame(self._driver.find_element(By.TAG_NAME, "iframe"))
        self.drag((1, 1), (1, 1))  # a frame gets no keys before somebody has clicked into it

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function in the page. Arguments and result go as JSON."""
        values = ", ".join(map(json.dumps, arguments))
        return json.loads(self._driver.execute_script(f"return JSON.stringify(({function})({values}) ?? null)"))

    def press(self, key: str) -> None:
        """Press a key, named as in selenium's `Keys`, and let it go."""
        ActionChains(self._driver, duration=0).send_keys(getattr(Keys, key)).perform()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place of the frame, let it go at another. A click if they are one."""
        chain = ActionChains(self._driver, duration=0)
        mouse = chain.w3c_actions.pointer_action
        mouse.move_to_location(round(start[0]), round(start[1]))
        mouse.pointer_down()
        mouse.move_to_location(round(end[0]), round(end[1]))
        mouse.pointer_up()
        chain.perform()

    def _collect(self) -> None:
        if self.frame.exists():
            self.errors += self.evaluate("() => window.recordedErrors ?? []")

    def close(self) -> None:
        """End the browser and its display."""
        self._collect()
        self._driver.quit()
        self.display.terminate()
        self.display.wait(30)
