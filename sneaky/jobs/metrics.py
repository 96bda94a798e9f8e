"""Figures for Prometheus, read from rows: whichever process is asked, the answer is the instance's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from sneaky.core.clock import now
from sneaky.core.db import has_engine
from sneaky.engine.queues import queues
from sneaky.executions import health, history
from sneaky.jobs.overview import jobs_overview
from sneaky.models import ExecutionState
from sneaky.outbox import queue

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sample:
    """One value of a figure: its labels, and what its name adds to the figure's."""

    value: float
    labels: Labels = ()
    suffix: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure: its name, kind and help, and its values."""

    name: str
    kind: str
    help: str
    samples: list[Sample]


def metrics() -> str:
    """All figures in Prometheus's text format."""
    return "".join(map(_text, [*_of_jobs(), *_of_the_clock(), *_of_letters(), *_of_the_engine()]))


def _of_jobs() -> Iterator[Figure]:
    ended, active = [], []
    timed: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for (job, state), (runs, duration) in history.totals().items():
        if state is ExecutionState.RUNNING:
            active.append(Sample(runs, (("job", job),)))
            continue
        ended.append(Sample(runs, (("job", job), ("status", state.value))))
        timed[job] = timed.get(job, 0) + runs
        seconds[job] = seconds.get(job, 0) + duration
    yield Figure("jobs_total", "counter", "Runs that ended, by job and how.", ended)
    yield Figure("jobs_active", "gauge", "Runs in progress.", active)
    durations = [*_by("job", timed, "_count"), *_by("job", seconds, "_sum")]
    yield Figure("job_duration_seconds", "summary", "How long runs took.", durations)


def _of_the_clock() -> Iterator[Figure]:
    overview, at = jobs_overview(), now()
    leader = overview.leader
    lag = {
        line.id: max(0.0, (at - line.next_run_at).total_seconds())
        for line in overview.jobs
        if line.next_run_at
    }
    yield Figure("job_lag_seconds", "gauge", "How long a due run has been waiting.", _by("job", lag))
    yield _single("jobs_parked", "gauge", "Stored jobs that this version cannot run.", len(overview.parked))
    late = "Runs of the last 90 days that were made up for after their time."
    yield _single("missed_slots", "gauge", late, health.caught_up())
    yield _single("clock_has_leader", "gauge", "1 while the clock goes round.", not leader.trouble)
    yield _single("clock_term", "gauge", "How often leadership has changed.", leader.term)
    if leader.ticked_at is not None:
        age = (at - leader.ticked_at).total_seconds()
        yield _single("clock_tick_age_seconds", "gauge", "Since the clock last went round.", age)


def _of_letters() -> Iterator[Figure]:
    by_state = asdict(queue.counts())
    oldest = by_state.pop("oldest_waiting_at")
    yield Figure("letters", "gauge", "Letters by state.", _by("state", by_state))
    age = (now() - oldest).total_seconds() if oldest else 0.0
    yield _single("letters_oldest_waiting_seconds", "gauge", "Age of the oldest waiting letter.", age)


def _of_the_engine() -> Iterator[Figure]:
    found = queues()
    if not has_engine():
        return
    waiting = [Sample(one.waiting, (("queue", one.name),)) for one in found]
    running = [Sample(one.running, (("queue", one.name),)) for one in found]
    waited = [Sample(one.waited.total_seconds(), (("queue", one.name),)) for one in found]
    yield Figure("engine_jobs_waiting", "gauge", "Jobs of procrastinate that wait, by queue.", waiting)
    yield Figure("engine_jobs_running", "gauge", "Jobs of procrastinate in progress, by queue.", running)
    yield Figure("engine_oldest_waiting_seconds", "gauge", "Age of the oldest one that waits.", waited)


def _by(label: str, values: Mapping[str, float], suffix: str = "") -> list[Sample]:
    return [Sample(value, ((label, name),), suffix) for name, value in values.items()]


def _single(name: str, kind: str, help_text: str, value: float) -> Figure:
    return Figure(name, kind, help_text, [Sample(value)])


def _text(figure: Figure) -> str:
    """Names and label values are ours and hold nothing that would need escaping."""
    lines = [f"# HELP {figure.name} {figure.help}", f"# TYPE {figure.name} {figure.kind}"]
    for sample in figure.samples:
        labels = ",".join(f'{name}="{text}"' for name, text in sample.labels)
        name = figure.name + sample.suffix
        lines.append(
            f"{name}{{{labels}}} {float(sample.value)}" if labels else f"{name} {float(sample.value)}"
        )
    return "\n".join(lines) + "\n"
