"""The bench's own arithmetic: rows, ratios, memory, discovery and the exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import __main__ as command
from bench import harness
from bench.harness import Row


def giving(*figures: float) -> Callable[[], float]:
    return iter(figures).__next__


def stopwatch(*readings: float) -> Callable[[harness.Action], float]:
    """A `seconds` that runs the action and then reads the next of the given times."""
    reading = giving(*readings)

    def seconds(action: harness.Action) -> float:
        action()
        return reading()

    return seconds


def test_a_row_holds_on_its_limit_and_not_beyond() -> None:
    assert harness.at_most(1.9, 1.9, metric="memory", against="hello").holds
    assert not harness.at_most(1.9, 1.91, metric="memory", against="hello").holds
    assert harness.at_least(20, 20, metric="purge", against="cascade").holds
    assert not harness.at_least(20, 19.9, metric="purge", against="cascade").holds


def test_a_row_says_its_goal_in_words() -> None:
    assert harness.at_most(50, 12, metric="wait", against="—", unit=" ms").goal == "≤ 50 ms"
    assert harness.at_least(2.5, 3, metric="letters", against="new connection").goal == "≥ 2.5×"


def test_a_call_is_timed() -> None:
    assert 0 < harness.seconds(lambda: sum(range(1000))) < 1


def test_actions_are_timed_in_turn_and_the_best_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(harness, "seconds", stopwatch(4, 1, 2, 3))

    best = harness.best_seconds(lambda: calls.append("A"), lambda: calls.append("B"), rounds=2)

    assert calls == ["A", "B", "A", "B"]
    assert best == [2, 1]


def test_a_ratio_is_subject_over_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "seconds", stopwatch(6, 3))
    assert harness.ratio(lambda: None, lambda: None, rounds=1) == 2


def test_a_median_ratio_is_not_moved_by_one_slow_round() -> None:
    assert harness.median_ratio(giving(4, 900, 6), giving(3, 2, 1), rounds=3) == 3


def test_waiting_gives_up_with_the_name_of_what_it_waited_for() -> None:
    with pytest.raises(TimeoutError, match="a green light"):
        harness.wait_until(lambda: False, timeout=0.01, what="a green light")


def test_stopping_asks_first_and_kills_what_does_not_listen() -> None:
    polite = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    assert harness.stop(polite) == -15

    ignoring = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", ignoring], stdin=-1, stdout=-1) as deaf:
        assert deaf.stdout is not None
        assert deaf.stdout.readline() == b"up\n"
        assert harness.stop(deaf, timeout=0.1) == -9


def pretend_process(proc: Path, pid: int, *, parent: int, pss_kib: int, name: str = "gunicorn") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1")
    (folder / "smaps_rollup").write_text(f"Rss:  9999 kB\nPss:  {pss_kib} kB\nPss_Dirty:  1 kB\n")


def test_memory_counts_a_process_with_its_descendants_and_nobody_else(tmp_path: Path) -> None:
    pretend_process(tmp_path, 10, parent=1, pss_kib=100)
    pretend_process(tmp_path, 11, parent=10, pss_kib=30, name="odd ) 1 (name")
    pretend_process(tmp_path, 12, parent=11, pss_kib=7)
    pretend_process(tmp_path, 20, parent=1, pss_kib=5000)
    assert harness.pss_bytes(10, proc=tmp_path) == 137 * 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PSS is a figure of Linux")
def test_memory_of_a_real_process_is_plausible() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"], stdout=-1, stdin=-1
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert 1 << 20 < harness.pss_bytes(child.pid) < 100 << 20
        child.communicate(b"\n")


def test_the_table_is_aligned_and_shouts_about_a_miss() -> None:
    rows = [
        Row("draw", "own matching", "≤ 60×", 12.3456, True),
        Row("idle memory", "hello", "≤ 1.9×", 2.5, False, "80 MiB"),
    ]
    assert harness.table(rows).splitlines() == [
        "metric       against       goal    measured  holds",
        "draw         own matching  ≤ 60×   12.3      yes",
        "idle memory  hello         ≤ 1.9×  2.5       NO  (80 MiB)",
    ]


def test_only_modules_with_parts_are_benches(tmp_path: Path) -> None:
    (tmp_path / "draw.py").write_text('"""Draws."""\n\nPARTS: Parts = {}\n')
    (tmp_path / "baseline.py").write_text('"""The naive way."""\n')
    (tmp_path / "harness.py").write_text("\nPARTS: Parts = {}\n")
    assert command.bench_names(tmp_path) == ["draw"]


@pytest.fixture
def pretend_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def install(*rows: Row) -> None:
        parts = {row.metric: partial(iter, [row]) for row in rows}
        monkeypatch.setitem(sys.modules, "bench.pretend", SimpleNamespace(PARTS=parts))
        monkeypatch.setattr(command, "bench_names", lambda: ["pretend"])

    return install


def test_the_command_prints_stores_and_succeeds(
    pretend_bench: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_bench(Row("draw", "own matching", "≤ 60×", 12.0, True))

    assert command.main(["--only", "pretend", "--json", str(tmp_path / "rows.json")]) == 0

    assert "own matching" in capsys.readouterr().out
    report = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert report["rows"][0]["metric"] == "draw"
    assert set(report["machine"]) == {"system", "python", "processors"}


def test_the_command_fails_when_a_row_does_not_hold(pretend_bench: Callable[..., None]) -> None:
    pretend_bench(
        Row("draw", "own matching", "≤ 60×", 12.0, True), Row("purge", "cascade", "≥ 20×", 3.0, False)
    )
    assert command.main([]) == 1


def test_a_part_is_measured_alone(
    pretend_bench: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    pretend_bench(
        Row("draw", "own matching", "≤ 60×", 12.0, True), Row("purge", "cascade", "≥ 20×", 3.0, False)
    )

    assert command.main(["--only", "pretend.draw"]) == 0

    printed = capsys.readouterr()
    assert "own matching" in printed.out
    assert "cascade" not in printed.out
    assert printed.err == "measuring pretend.draw …\n"


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [("nonsense", "there are pretend"), ("pretend.nonsense", "it has draw"), ("nonsense.draw", "no bench")],
)
def test_what_is_not_there_is_refused_with_what_is(
    pretend_bench: Callable[..., None], capsys: pytest.CaptureFixture[str], choice: str, complaint: str
) -> None:
    pretend_bench(Row("draw", "own matching", "≤ 60×", 12.0, True))
    with pytest.raises(SystemExit) as refusal:
        command.main(["--only", choice])
    assert refusal.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("bench", command.bench_names())
def test_every_bench_names_its_parts(bench: str) -> None:
    assert command.chosen_parts(bench) == [(bench, part) for part in command.parts_of(bench)] != []
