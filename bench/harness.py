"""What every bench shares: a row of the table, ratios that survive a noisy machine, honest memory figures."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Action = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, against what, the goal in words, the figure, the verdict."""

    metric: str
    against: str
    goal: str
    measured: float
    holds: bool
    note: str = ""


# What a bench measures: each part by its name, and how to measure its rows, which needs no other part.
Parts = Mapping[str, Callable[[], Iterable[Row]]]


def at_most(
    limit: float, measured: float, *, metric: str, against: str, unit: str = "×", note: str = ""
) -> Row:
    """A row whose figure may not exceed `limit`; `unit` follows both numbers in the table."""
    return Row(metric, against, f"≤ {limit:g}{unit}", measured, measured <= limit, note)


def at_least(
    limit: float, measured: float, *, metric: str, against: str, unit: str = "×", note: str = ""
) -> Row:
    """A row whose figure may not fall below `limit`; `unit` follows both numbers in the table."""
    return Row(metric, against, f"≥ {limit:g}{unit}", measured, measured >= limit, note)


def seconds(action: Action) -> float:
    """How long one call takes, in seconds of wall time."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def best_seconds(*actions: Action, rounds: int = 5) -> list[float]:
    """The best of `rounds` for each action, taken in turn (A B A B …) so that a slow spell hits all alike."""
    times = [[seconds(action) for action in actions] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def ratio(subject: Action, baseline: Action, *, rounds: int = 5) -> float:
    """How many times as long as `baseline` the `subject` takes: best against best, in alternating rounds."""
    subject_seconds, baseline_seconds = best_seconds(subject, baseline, rounds=rounds)
    return subject_seconds / baseline_seconds


def median_ratio(subject: Callable[[], float], baseline: Callable[[], float], *, rounds: int = 5) -> float:
    """The ratio of the medians of two figures that measure themselves, taken in alternating rounds.

    For figures with no natural floor, such as the start of a fresh process or the memory of a server.
    """
    pairs = [(subject(), baseline()) for _ in range(rounds)]
    return statistics.median(pair[0] for pair in pairs) / statistics.median(pair[1] for pair in pairs)


def wait_until(condition: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Ask `condition` until it is true; raises TimeoutError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes], *, timeout: float = 30) -> int:
    """Ask a process to end (SIGTERM) and return its exit code; it is killed when it does not end in time."""
    process.terminate()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def pss_bytes(pid: int, *, proc: Path = Path("/proc")) -> int:
    """The proportional memory (PSS) of a process and all its descendants, in bytes. Linux only.

    A page shared by n processes counts as 1/n of a page for each, so forked workers are not counted twice.
    """
    return sum(_pss_of_one(member, proc) for member in _family(pid, _parents(proc)))


def _pss_of_one(pid: int, proc: Path) -> int:
    for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no Pss line in its smaps_rollup")


def _parents(proc: Path) -> dict[int, int]:
    """Each running process with its parent, from the fourth field of /proc/PID/stat."""
    parents = {}
    for stat in proc.glob("[0-9]*/stat"):
        try:
            # The second field is the program's name in parentheses; the name may hold parentheses too.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended between the listing and the look
    return parents


def _family(pid: int, parents: dict[int, int]) -> Iterator[int]:
    yield pid
    for child, parent in parents.items():
        if parent == pid:
            yield from _family(child, parents)


def table(rows: Sequence[Row]) -> str:
    """The rows as text in aligned columns, one line each, with a heading."""
    heading = ("metric", "against", "goal", "measured", "holds")
    lines = [heading, *((r.metric, r.against, r.goal, f"{r.measured:.3g}", _verdict(r)) for r in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _verdict(row: Row) -> str:
    verdict = "yes" if row.holds else "NO"
    return f"{verdict}  ({row.note})" if row.note else verdict
