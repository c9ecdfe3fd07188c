"""Draw ``assets/social-card.png`` from ``assets/social-card.svg``, for services that show no SVG.

Run it after an edit of the SVG: ``python tools/social_card.py``. It needs Chromium, as the tests do.
"""

import os
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ASSETS = Path(__file__).resolve().parents[1] / "assets"


def main() -> None:
    """Open the drawing in a browser of its size and take its picture."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 1200, "height": 630})
        tab.goto((ASSETS / "social-card.svg").as_uri())
        tab.screenshot(path=ASSETS / "social-card.png")
        browser.close()


if __name__ == "__main__":
    main()
