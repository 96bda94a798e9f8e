"""The container's entrypoint as a plain process, with a `sneaky` that writes down its calls."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ENTRYPOINT = Path(__file__).parents[2] / "entrypoint.sh"
PRETEND_SNEAKY = """#!{python}
import json, os, signal, sys
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
call = dict(command=sys.argv[1:], pid=os.getpid(), scheduler=os.environ.get("SNEAKY_SCHEDULER"))
with Path("calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
if sys.argv[1:] == ["db", "upgrade"]:
    sys.exit(int(os.environ.get("UPGRADE_ENDS_WITH", "0")))
if "WAITS" in os.environ:
    print("serving", flush=True)
    signal.pause()
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts the entrypoint in an empty folder, with only the pretended `sneaky` of ours on PATH."""
    pretended = tmp_path / "bin" / "sneaky"
    pretended.parent.mkdir()
    pretended.write_text(PRETEND_SNEAKY.format(python=sys.executable))
    pretended.chmod(0o755)

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [ENTRYPOINT, *arguments],
            cwd=tmp_path,
            env={"PATH": f"{pretended.parent}:/usr/bin:/bin", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    _output, errors = process.communicate(timeout=30)
    return process.returncode, errors


def calls(folder: Path) -> list[dict[str, Any]]:
    file = folder / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def commands(folder: Path) -> list[str]:
    return [" ".join(call["command"]) for call in calls(folder)]


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, "serve"),
        (["all"], {}, "serve"),
        (["web"], {}, "serve"),
        (["scheduler"], {}, "scheduler run"),
        (["worker"], {}, "worker"),
        ([], {"SNEAKY_ROLE": "scheduler"}, "scheduler run"),
        ([], {"SNEAKY_ROLE": "worker"}, "worker"),
        (["all"], {"SNEAKY_ROLE": "scheduler"}, "serve"),
        (["all", "--verbose"], {}, "serve --verbose"),
    ],
)
def test_every_role_upgrades_first_and_then_does_its_work(
    start: Start, tmp_path: Path, arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    assert end_of(start(*arguments, **environment)) == (0, "")
    assert commands(tmp_path) == ["db upgrade", expected]


@pytest.mark.parametrize(
    ("role", "scheduler"), [("all", None), ("web", "off"), ("scheduler", None), ("worker", None)]
)
def test_only_the_web_role_switches_the_clock_off(
    start: Start, tmp_path: Path, role: str, scheduler: str | None
) -> None:
    end_of(start(role))
    assert calls(tmp_path)[-1]["scheduler"] == scheduler


def test_a_failed_upgrade_stops_the_start_with_its_own_exit_code(start: Start, tmp_path: Path) -> None:
    assert end_of(start(UPGRADE_ENDS_WITH="3"))[0] == 3
    assert commands(tmp_path) == ["db upgrade"]


def test_an_unknown_role_is_refused_in_one_line_and_nothing_runs(start: Start, tmp_path: Path) -> None:
    code, errors = end_of(start("elf"))
    assert code == 64
    assert (
        errors == 'entrypoint: there is no role "elf"; use all, web, scheduler, worker, or sneaky COMMAND\n'
    )
    assert commands(tmp_path) == []


def test_a_single_command_runs_without_an_upgrade(start: Start, tmp_path: Path) -> None:
    assert end_of(start("sneaky", "admin", "create"))[0] == 0
    assert commands(tmp_path) == ["admin create"]


def test_the_server_takes_the_place_of_the_shell_and_gets_its_signals(start: Start, tmp_path: Path) -> None:
    with start(WAITS="yes") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        assert calls(tmp_path)[-1]["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert end_of(process) == (0, "")


def test_what_it_writes_is_for_its_own_eyes(start: Start, tmp_path: Path) -> None:
    end_of(start())
    assert stat.S_IMODE((tmp_path / "calls").stat().st_mode) == 0o600
