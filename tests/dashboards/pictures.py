"""Takes the pictures of the docs from a demo that runs: `make pictures`, with ANGIME_HOME as the demo's.

They are of a made-up company, whose story ends on the day of the demo; nothing compares them with the pages of today.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import BrowserContext, Page, sync_playwright

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from tests.browsers import DRAWN, NO_BROWSER, browser_program

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH, LEAST_HEIGHT, MOST_HEIGHT = 1280, 700, 1190  # pixels
COLOURS = 128
PATIENCE_MS = 120_000
# Charts move for a moment when they come.
REST_MS = 2_000
# Of a call with words, the longest: the player, what was said, and how the call is explained.
TOLD = "select call_id from facts.calls where has_transcript order by talk_seconds desc, call_id limit 1"


def main() -> None:
    """Take every picture anew."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards.pictures", description=__doc__)
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8501", help="where the demo's pages are")
    asked = parser.parse_args()
    program = browser_program()
    if program is None:
        parser.error(NO_BROWSER)
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--headless", "--no-sandbox"])
        context = started.new_context(locale="en-GB", viewport={"width": WIDTH, "height": LEAST_HEIGHT})
        for name, path in _pages():
            _take(context, f"{asked.address}/{path}", file=FOLDER / f"{name}.png")
        started.close()


def _pages() -> Iterator[tuple[str, str]]:
    """Name each picture, with the page that it shows."""
    yield "overview", "?lang=en&period=last_week"
    yield "missed", "missed?lang=en&period=last_week"
    with open_reader(AnalyticsSettings()) as reader:
        [call_id] = reader.sql(TOLD)["call_id"]
    yield "call", f"call?lang=en&call={call_id}"
    yield "costs", "costs?lang=en&period=last28"


def _take(context: BrowserContext, address: str, *, file: Path) -> None:
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector("[data-testid=stMain] h2")
    _come_to_rest(page)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": WIDTH, "height": min(max(height, LEAST_HEIGHT), MOST_HEIGHT)})
    _come_to_rest(page)
    page.screenshot(path=file)
    page.close()
    with Image.open(file) as taken:
        fewer = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    fewer.save(file, optimize=True)
    print(f"{file.relative_to(FOLDER.parents[1])}: {file.stat().st_size // 1024} KiB")


def _come_to_rest(page: Page) -> None:
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(REST_MS)


if __name__ == "__main__":
    main()
