"""An instance for each fault, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from sneaky.core.settings import Settings
from tests.faults.processes import Instance, rounds, running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the tests measured, which is what the full rounds are for."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {name} {figure}"
        for report in terminalreporter.getreports("passed")
        for name, figure in report.user_properties
    ]
    if lines:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies in this folder is a fault test, and takes its time in the full rounds."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.fault)
            item.add_marker(pytest.mark.timeout(rounds(300, 3600)))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Letters at no pace: it has tests of its own, and lets few letters go where the clock stands still."""
    return replace(settings, mail_rate=100_000, mail_domain_rate=100_000)


@pytest.fixture
def instance(any_app: Flask, tmp_path: Path) -> Iterator[Instance]:
    """A database, SQLite and again PostgreSQL, on which processes can keep time."""
    with running(any_app, tmp_path) as made:
        yield made


@pytest.fixture
def small_instance(app: Flask, tmp_path: Path) -> Iterator[Instance]:
    """The same on SQLite alone."""
    with running(app, tmp_path) as made:
        yield made
