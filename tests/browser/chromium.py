"""The browser: Debian's Chromium, and the arguments that keep it at home."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 640}


def missing(what: str, remedy: str) -> None:
    """Skip the test with words; where continuous integration runs, what is missing is a failure."""
    words = f"{what} is missing, so pages were not looked at: {remedy}"
    if os.environ.get("CI"):  # noqa: TID251
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@contextmanager
def chromium() -> Iterator[Browser]:
    """One Chromium without a past; needs the system's package."""
    binary = shutil.which("chromium")
    if binary is None:
        missing("Chromium", "apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=ARGUMENTS)
        yield browser
        browser.close()
