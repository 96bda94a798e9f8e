"""The floors of the house: every room has one, the documents draw the same plan, and imports only go down."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from tests.house.source import ROOT


def contracts() -> list[dict[str, Any]]:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return found


def floors() -> list[set[str]]:
    """The rooms of each floor, from the top of the house to its ground."""
    [layers] = [contract["layers"] for contract in contracts() if contract["type"] == "layers"]
    return [{room.strip().removeprefix("sneaky.") for room in floor.split("|")} for floor in layers]


def rooms_on_disk() -> set[str]:
    entries = (ROOT / "sneaky").iterdir()
    return {
        entry.stem
        for entry in entries
        if not entry.name.startswith("_") and (entry.suffix == ".py" or (entry / "__init__.py").exists())
    }


def test_every_room_stands_on_a_floor() -> None:
    assert rooms_on_disk() - set().union(*floors()) == set()


def test_the_plan_in_the_documents_is_the_contract() -> None:
    plan = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *(\d+) *\| *([^|]+?) *\|", plan, flags=re.MULTILINE)
    drawn = {int(number): set(re.findall(r"`([a-z]+)/?`", rooms)) for number, rooms in rows}
    assert drawn == dict(enumerate(reversed(floors())))


def test_imports_only_go_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
