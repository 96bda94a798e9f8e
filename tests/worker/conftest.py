"""A clock and a worker of one app, at test speed, and jobs that only record that they ran."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from flask import Flask

from sneaky import scheduler
from sneaky.core.clock import monotonic
from sneaky.jobs.timetable import Timed
from sneaky.jobs.work import WORKS, Run, Work
from sneaky.scheduler.clock import Clock
from sneaky.scheduler.clock import Pace as ClockPace
from sneaky.worker import Pace, Worker, make_worker

FAST_CLOCK = ClockPace(
    look=0.02,
    beat=0.05,
    take_over_after=1.0,
    tick=0.1,
    sync=0.05,
    lease=1.0,
    stuck_after=60.0,
    stop_within=10.0,
)
FAST = Pace(look=0.02, beat=0.05, lease=1.0, stop_within=10.0)

StartClock = Callable[..., Clock]
StartWorker = Callable[..., Worker]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Look again and again until `condition` holds; fail with `what` after so many seconds."""
    deadline, pause = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < deadline, f"never happened: {what}"
        pause.wait(0.01)


@dataclass
class Probe:
    """What the probe job saw: the thread that ran it and its slot; `body` may be replaced."""

    runs: list[tuple[str, datetime]] = field(default_factory=list)
    body: Callable[[Run], None] = lambda run: None

    def run(self, run: Run, *_ids: int) -> None:
        self.runs.append((threading.current_thread().name.partition("_")[0], run.slot))
        self.body(run)

    @property
    def who(self) -> list[str]:
        """Whose threads ran it: `worker`, or `jobs-default` of the leader."""
        return [name for name, _slot in self.runs]


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """A job called `probe`, known like any other, with ids `probe_{}` for date jobs."""
    made = Probe()
    timed = Timed("probe", "Probe", hard_limit=timedelta(minutes=1))
    monkeypatch.setitem(WORKS, "probe", Work(timed, made.run, "probe_{}"))
    return made


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """A tick called `ticking`."""
    made = Probe()
    timed = Timed("ticking", "Tick", is_tick=True)
    monkeypatch.setitem(WORKS, "ticking", Work(timed, made.run))
    return made


@contextmanager
def clocks() -> Iterator[Callable[[Flask, ClockPace], Clock]]:
    """Starts the clock of an app and waits until it has looked around; all are stopped at the end."""
    started: list[Clock] = []

    def start(app: Flask, pace: ClockPace) -> Clock:
        scheduler.init_app(app, pace)
        clock = scheduler.clock_of(app)
        started.append(clock)
        clock.start()
        wait_until(lambda: clock.scheduler.ticked_at is not None, "the clock goes round")
        return clock

    yield start
    for clock in started:
        clock.stop()
        assert clock.scheduler.wait_until_idle(10), "a run still holds its connection"
        clock._store.engine.dispose()


@contextmanager
def at_work() -> Iterator[Callable[[Worker], Worker]]:
    """Lets workers work, each in a thread; all are stopped at the end."""
    started: list[tuple[Worker, threading.Thread]] = []

    def start(worker: Worker) -> Worker:
        thread = threading.Thread(target=worker.work, name="hands")
        started.append((worker, thread))
        thread.start()
        return worker

    yield start
    for worker, thread in started:
        worker.begin_stop()
        thread.join(30)
        assert not thread.is_alive(), "a worker did not stop"


@pytest.fixture
def start_clock(any_app: Flask) -> Iterator[StartClock]:
    """Starts the clock of the app."""
    with clocks() as start:
        yield lambda pace=FAST_CLOCK: start(any_app, pace)


@pytest.fixture
def start_worker(any_app: Flask) -> Iterator[StartWorker]:
    """Starts a worker of the app."""
    with at_work() as start:
        yield lambda threads=2, pace=FAST: start(make_worker(any_app, pace, threads=threads))
