"""The toolchain: what `./dev` offers, what the locks promise, what continuous integration runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

SCRIPTS = ("dev", "entrypoint.sh", ".ci/run")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")


def dev(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / "dev", *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def locked(lock: str) -> dict[str, str]:
    """Package to version, where every entry has at least one hash."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    pins = [re.match(r"([\w.\-]+)(?:\[[\w,]+\])?==([^\s;]+)", entry) for entry in entries]
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


def test_help_names_every_command_and_every_command_has_help(tmp_path: Path) -> None:
    result = dev("help", cwd=tmp_path)
    offered = re.findall(r"^  ([a-z]+) ", result.stdout, flags=re.MULTILINE)
    handled = re.findall(
        r"^    ([a-z]+)[)|\s]", (ROOT / "dev").read_text().rpartition("\ncase ")[2], flags=re.MULTILINE
    )
    assert result.returncode == 0
    assert sorted(offered) == sorted(handled)


def test_an_unknown_command_is_refused_and_the_known_ones_are_shown() -> None:
    result = dev("dance")
    assert result.returncode == 1
    assert "no command dance" in result.stderr
    assert "./dev COMMAND" in result.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_can_be_run_and_are_clean(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)
    linter = Path(sys.executable).with_name("shellcheck")
    result = subprocess.run([linter, ROOT / script], capture_output=True, text=True, check=False)
    assert result.stdout == ""


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_with_hashes_and_name_no_host(lock: str) -> None:
    assert locked(lock)
    assert "://" not in (ROOT / lock).read_text(encoding="utf-8")


def test_development_has_what_the_product_runs_on_in_the_same_versions() -> None:
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")
    assert runtime.items() <= development.items()


def test_the_locks_answer_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": project["dependency-groups"]["dev"],
        "requirements-uv.lock": project["dependency-groups"]["uv"],
    }
    for lock, lines in asked.items():
        pins = locked(lock)
        unmet = [
            line
            for line, requirement in ((line, Requirement(line)) for line in lines)
            if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
        ]
        assert unmet == [], f"{lock}: run ./dev lock"


def test_continuous_integration_runs_the_whole_check() -> None:
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("exec ./dev check")
