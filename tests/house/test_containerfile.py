"""The image as its Containerfile describes it; no engine is needed to hold these."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.house.source import ROOT


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """Each instruction with its argument, continued lines joined."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (line.strip() for line in text.splitlines())
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line and line[0] != "#"]


def of(kind: str, instructions: list[tuple[str, str]]) -> list[str]:
    return [argument for name, argument in instructions if name == kind]


def test_the_base_names_a_release(instructions: list[tuple[str, str]]) -> None:
    [base] = of("ARG", instructions)
    assert re.fullmatch(r"BASE=\S+/python:3\.1[1-9]-slim-[a-z]+", base)
    assert [stage.split()[0] for stage in of("FROM", instructions)] == ["${BASE}", "${BASE}"]


def test_only_hashed_packages_go_in(instructions: list[tuple[str, str]]) -> None:
    installs = [run for run in of("RUN", instructions) if "pip install" in run]
    assert len(installs) == 1
    assert installs[0].count("pip install") == installs[0].count("--require-hashes") == 1


def test_nobody_is_root_inside(instructions: list[tuple[str, str]]) -> None:
    assert of("USER", instructions) == ["10001:10001"]


def test_the_programs_that_make_its_user_are_on_the_path(instructions: list[tuple[str, str]]) -> None:
    (path,) = re.findall(r"\bPATH=(\S+)", " ".join(of("ENV", instructions)))
    assert any("groupadd" in run for run in of("RUN", instructions))
    assert "/usr/sbin" in path.split(":")


def test_it_says_how_to_keep_watch_and_stop(instructions: list[tuple[str, str]]) -> None:
    assert of("VOLUME", instructions) == ["/data"]
    assert of("STOPSIGNAL", instructions) == ["SIGTERM"]
    [health] = of("HEALTHCHECK", instructions)
    assert "http://127.0.0.1:8000/healthz" in health
    assert "SNEAKY_BIND=0.0.0.0:8000" in " ".join(of("ENV", instructions))


def test_the_health_check_is_python_that_compiles(instructions: list[tuple[str, str]]) -> None:
    [health] = of("HEALTHCHECK", instructions)
    program, option, code = json.loads(health.partition("CMD ")[2])
    assert (program, option) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")


def test_it_starts_with_the_entrypoint_we_test(instructions: list[tuple[str, str]]) -> None:
    assert of("ENTRYPOINT", instructions) == ['["/app/entrypoint.sh"]']
    assert of("CMD", instructions) == []  # the entrypoint has its own default, which SNEAKY_ROLE may change
    assert os.access(ROOT / "entrypoint.sh", os.X_OK)


def test_what_is_copied_is_there_and_gets_past_the_ignore_file(instructions: list[tuple[str, str]]) -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    sources = [copy.split()[0] for copy in of("COPY", instructions) if not copy.startswith("--from")]
    for source in sources:
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) for pattern in allowed)
    assert sorted(sources) == sorted(allowed)


def test_it_is_clean_to_the_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    result = subprocess.run([linter, ROOT / "Containerfile"], capture_output=True, text=True, check=False)
    assert result.stdout == ""
