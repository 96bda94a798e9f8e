"""Tests that the documents name as holding a promise are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import ROOT, modules

PAGES = ["docs/trust.md", "docs/clock.md", "docs/letters.md"]


@cache
def names_of_tests() -> set[str]:
    return {function.name for module in modules("tests") for function in module.functions()}


def missing(page: Path) -> list[str]:
    """Names of tests and of their files or folders that stand in tables and nowhere else; “…” ends a name."""
    tables = "\n".join(line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|"))
    known = names_of_tests()
    named = re.findall(r"`(test_\w+)(…)?`", tables)
    gone = [
        name
        for name, is_begun in named
        if not (any(test.startswith(name) for test in known) if is_begun else name in known)
    ]
    return gone + [path for path in re.findall(r"`(tests/[\w/.]+)`", tables) if not (ROOT / path).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_every_promise_names_a_test_that_exists(page: str) -> None:
    assert missing(ROOT / page) == []


def test_each_line_about_trust_names_a_test() -> None:
    lines = [
        line for line in (ROOT / "docs/trust.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"
    ]
    assert len(lines) > 30
    assert [line for line in lines[2:] if not re.search(r"`tests?[_/][\w/.]+`", line.split("|")[3])] == []


def test_a_test_that_is_gone_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "| a | `test_never_written`, `tests/nowhere.py`, `test_never…`, `test_every_promise_…` |\n"
    )
    assert missing(page) == ["test_never_written", "test_never", "tests/nowhere.py"]
