"""Takes a picture of every page in both themes and two sizes, and the few that the guide shows.

`./dev screenshots` calls it. The pictures are for looking at; nothing compares them.
"""

from __future__ import annotations

import argparse
import base64
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser

from sneaky.core.clock import now
from tests.browser.chromium import DESKTOP, PHONE, chromium
from tests.browser.demo import demo_instance
from tests.browser.scenes import Scenes
from tests.browser.served import Served
from tests.browser.tour import STOPS, Stop
from tests.browser.visits import Visit, visiting
from tests.flows.instance import ROOT

Theme = Literal["light", "dark"]
SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES: tuple[Theme, Theme] = ("light", "dark")
GUIDE: dict[str, tuple[str, str, Theme]] = {
    "new": ("planned", "desktop", "light"),
    "exchange": ("drawn", "desktop", "light"),
    "rules": ("impossible-rules", "desktop", "light"),
    "sealed": ("link-sealed", "phone", "light"),
    "opened": ("just-opened", "phone", "dark"),
    "clock": ("operations-jobs", "desktop", "dark"),
}
_QUALITY = 82


def take_all(
    browser: Browser, instance: Served, scenes: Scenes, folder: Path, only: re.Pattern[str]
) -> Iterator[Path]:
    """A PNG of each whole page whose name matches the pattern, as FOLDER/SIZE-THEME/NAME.png."""
    for stop in STOPS:
        if not only.search(stop.name):
            continue
        # Visited once: what a stop presses, such as a seal, may be gone afterwards.
        with standing(browser, instance, scenes, stop, "phone") as visit:
            for size, theme in product(SIZES, THEMES):
                target = folder / f"{size}-{theme}" / f"{stop.name}.png"
                visit.page.set_viewport_size(SIZES[size])
                visit.page.emulate_media(color_scheme=theme)
                visit.page.screenshot(path=target, full_page=True, animations="disabled")
                yield target


def take_for_the_guide(browser: Browser, instance: Served, scenes: Scenes, folder: Path) -> Iterator[Path]:
    """The pictures of the guide as small WebP files: what the first screen shows."""
    stops = {stop.name: stop for stop in [*STOPS, planned()]}
    for name, (stop, size, theme) in GUIDE.items():
        with standing(browser, instance, scenes, stops[stop], size) as visit:
            visit.page.emulate_media(color_scheme=theme)
            visit.page.evaluate("document.activeElement?.blur(); scrollTo(0, 0)")
            wire = visit.page.context.new_cdp_session(visit.page)
            taken = wire.send("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
            target = folder / f"{name}.webp"
            target.write_bytes(base64.b64decode(taken["data"]))
            yield target


def planned() -> Stop:
    """The form of a new exchange, filled in."""
    day = now() + timedelta(days=32)
    typed = {
        "What is it called?": "Family Christmas",
        "Date and time": f"{day:%Y-%m-%d}T18:00",
        "Place": "At Grandma's",
        "Budget": "25",
        "A word to everybody": "Something small, something kind.",
        "Who takes part?": "Ann, ann@example.org, Miller\nBob, bob@example.org, Miller\nIda, ida@example.org",
    }
    return Stop("olga", "/exchanges/new", "planned", fill=typed)


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression, or the error that argparse shows."""
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no regular expression: {error}") from None


@contextmanager
def standing(browser: Browser, instance: Served, scenes: Scenes, stop: Stop, size: str) -> Iterator[Visit]:
    """The page of a stop, open in a browser of this size."""
    calm = {"reduced_motion": "reduce", "timezone_id": "Europe/Berlin", "viewport": SIZES[size]}
    with visiting(browser, instance.url, scenes, stop.who, **calm) as visit:
        visit.go(stop.address(scenes))
        visit.do(stop)
        yield visit


def main() -> None:
    """Fill an instance, serve it, and take the pictures."""
    parser = argparse.ArgumentParser(prog="./dev screenshots", description=__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "instance-screenshots", help="folder for the set")
    parser.add_argument("--only", default="", type=pattern, help="a pattern of names, such as '^drawn'")
    parser.add_argument("--guide", action="store_true", help="renew the pictures in docs/guide instead")
    asked = parser.parse_args()
    with (
        chromium() as browser,
        tempfile.TemporaryDirectory() as folder,
        demo_instance(Path(folder) / "data") as (instance, scenes),
    ):
        if asked.guide:
            taken = take_for_the_guide(browser, instance, scenes, ROOT / "docs" / "guide")
        else:
            taken = take_all(browser, instance, scenes, asked.into, asked.only)
        for target in taken:
            print(target)  # noqa: T201  (what the command says)


if __name__ == "__main__":
    main()
