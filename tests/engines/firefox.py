"""Firefox, driven by WebDriver BiDi.

Firefox speaks this protocol itself, over one WebSocket, so there is no driver between it and the tests.
"""

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from selenium.webdriver.common.keys import Keys
from websocket import WebSocket, create_connection

PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.tabs.warnOnClose": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
    "ui.prefersReducedMotion": 1,
    "focusmanager.testmode": True,  # a window without a screen counts as the active one
    "remote.active-protocols": 1,
}


# Now and then Firefox draws a formula of which it has read a half, and finds it wrong until the rest is there.
HALF_READ = "Incorrect number of children for"


class Firefox:
    """One window. `errors` holds what the console said and what no page caught."""

    name = "Firefox"

    def __init__(self, executable: str, profile: Path, dark: bool) -> None:
        preferences = PREFERENCES | {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in preferences.items()]
        profile.mkdir(parents=True)
        (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            executable,
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            f"--remote-debugging-port={port}",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.errors: list[str] = []
        self._page = ""
        self._count = 0
        self._socket = self._connect(port)
        self._call("session.new", capabilities={})
        self._call("session.subscribe", events=["log.entryAdded"])
        # A tab of our own: the one that Firefox starts with never gets the focus.
        self._tab = self._call("browsingContext.create", type="tab")["context"]

    def _connect(self, port: int) -> WebSocket:
        for _ in range(600):
            try:
                return create_connection(f"ws://127.0.0.1:{port}/session", timeout=60, suppress_origin=True)
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(
                        f"Firefox ended with code {self.process.returncode} before it listened"
                    ) from None
                time.sleep(0.1)
        raise RuntimeError("Firefox did not listen within a minute")

    def _call(self, method: str, **params: Any) -> Any:
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._count:
                if message["type"] == "error":
                    raise RuntimeError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]
            if message.get("method") == "log.entryAdded":
                level, said = (message["params"][key] for key in ("level", "text"))
                if level == "error" and HALF_READ not in said:
                    self.errors.append(f"{self._page}: {said}")

    def open(self, url: str, width: int, height: int) -> None:
        """Open a page and wait until all of it is loaded."""
        self._page = url.rsplit("/", 1)[-1]
        self._call("browsingContext.setViewport", context=self._tab, viewport={"width": width, "height": height})
        self._call("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function in the page. Arguments and result go as JSON."""
        values = ", ".join(map(json.dumps, arguments))
        result = self._call(
            "script.evaluate",
            expression=f"JSON.stringify(({function})({values}) ?? null)",
            target={"context": self._tab},
            awaitPromise=False,
        )
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def press(self, key: str) -> None:
        """Press a key, named as in selenium's `Keys`, and let it go."""
        actions = [{"type": kind, "value": getattr(Keys, key)} for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place of the window, let it go at another. A click if they are one."""
        x, y = zip(start, end, strict=True)
        moves = [{"type": "pointerMove", "x": round(x[i]), "y": round(y[i]), "duration": 0} for i in (0, 1)]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        self._act({"type": "pointer", "id": "mouse", "actions": [moves[0], down, moves[1], up]})

    def _act(self, source: dict[str, Any]) -> None:
        self._call("input.performActions", context=self._tab, actions=[source])

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self.process.terminate()
        self.process.wait(30)
