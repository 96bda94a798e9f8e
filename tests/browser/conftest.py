"""One served instance, one Chromium and one HTML checker for each test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import chromium
from tests.browser.demo import demo_instance
from tests.browser.markup import Validator, validator
from tests.browser.scenes import Scenes
from tests.browser.served import Served, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder wants a browser; starting one takes its time on a busy machine."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def checker() -> Iterator[Validator]:
    with validator() as started:
        yield started


@pytest.fixture(scope="session")
def demo(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Scenes]]:
    """The demo with every state beside it, served."""
    with demo_instance(tmp_path_factory.mktemp("demo")) as staged:
        yield staged


@pytest.fixture
def empty(browser: Browser, tmp_path: Path) -> Iterator[Served]:
    """An instance that nobody has set up, served."""
    with serving(Served(tmp_path)) as served:
        yield served
