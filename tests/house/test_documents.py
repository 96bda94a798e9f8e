"""What the documents say is there: links lead somewhere, and the commands they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, documents

FENCE = re.compile(r"^(```|~~~).*?^\1", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", flags=re.MULTILINE)


def prose(document: Path) -> str:
    return FENCE.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """The names under which a page's headings can be linked to, as code hosts make them."""
    headings = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading) for heading in HEADING.findall(prose(document)))
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> list[str]:
    broken = []
    for target in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue  # another host, which a test may not ask
        name, _, anchor = target.partition("#")
        page = (document.parent / name).resolve() if name else document
        if not page.exists() or (anchor and page.suffix == ".md" and anchor not in anchors(page)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_resolves(document: Path) -> None:
    assert broken_links(document) == []


def test_a_broken_link_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# One `thing`, two\n[good](#one-thing-two) [gone](nowhere.md) [no such part](page.md#three)\n"
        "```\n[an example](of.md)\n```\n[elsewhere](https://example.org/x)\n"
    )
    assert broken_links(page) == ["nowhere.md", "page.md#three"]


def test_every_developer_command_in_the_documents_exists() -> None:
    offered = set(re.findall(r"^  ([a-z]+) ", (ROOT / "dev").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {
        (document.name, command)
        for document in documents()
        for command in re.findall(r"\./dev ([a-z]+)", document.read_text(encoding="utf-8"))
    }
    assert {command for _, command in named} - offered == set(), named
