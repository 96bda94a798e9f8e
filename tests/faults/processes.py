"""Start, watch, freeze and kill real processes; due jobs by the hundred; what became of them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.job import Job
from apscheduler.triggers.date import DateTrigger
from flask import Flask
from sqlalchemy import func, insert, make_url, select

from sneaky import scheduler
from sneaky.cli.check import findings
from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.core.settings import EXTENSION as SETTINGS
from sneaky.models import ExecutionState, JobExecution, Leader, job_store_table
from sneaky.scheduler.clock import Pace
from sneaky.scheduler.store import FIRE

ROOT = Path(__file__).parents[2]
# Kept by no exchange that a test makes matched without a draw.
ONE_DRAW = "matched means one current draw"
# How a test tells what it measured: pytest's own `record_property`, listed at the end of the run.
Figure = Callable[[str, object], None]
FAST = Pace(
    look=0.05,
    beat=0.1,
    take_over_after=2.0,
    tick=0.5,
    sync=0.1,
    lease=1.0,
    stuck_after=10.0,
    stop_within=10.0,
)


def rounds(few: int, full: int, *, quick: int | None = None) -> int:
    """How many rounds to go: few in the check, all of them where SNEAKY_TEST_ROUNDS=full.

    Where it is `quick`, as in the daily `./dev test`, those that have a number for it go as many.
    """
    switch = os.environ.get("SNEAKY_TEST_ROUNDS")  # noqa: TID251
    if switch == "quick" and quick is not None:
        return quick
    return full if switch == "full" else few


# On SQLite in the daily run, on both databases in the full rounds.
on_both_in_full = pytest.mark.parametrize(
    "any_app",
    ["sqlite"] if rounds(0, 1) == 0 else ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)],
    indirect=True,
)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    """Look again and again until `condition` holds; fail with `what` after so many seconds."""
    deadline = monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, f"never happened: {what}"
        pause.wait(0.02)


@contextmanager
def a_look() -> Iterator[None]:
    """Read what the database holds now, and leave no transaction open: PostgreSQL ends those that idle."""
    db.session.remove()
    yield
    db.session.remove()


def assert_sound(*, but: str = "") -> None:
    """What `sneaky check` looks at holds, but for a promise that the test's own rows never kept."""
    db.session.remove()
    assert [finding for finding in findings() if finding.promise != but] == []


@dataclass
class Candidate:
    """One running process."""

    process: subprocess.Popen[str]
    is_up: bool = False
    is_leading: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def freeze(self) -> None:
        """SIGSTOP, and wait until each of its threads stands still."""
        self.send(signal.SIGSTOP)
        threads = Path(f"/proc/{self.pid}/task")
        wait_until(lambda: all(_state(thread) == "T" for thread in threads.iterdir()), "it is frozen")

    def kill(self) -> None:
        """kill -9, and wait until the system has buried it."""
        self.process.kill()
        self.process.wait(10)
        self.is_leading = False

    def stop(self, seconds: float = 25.0) -> float:
        """SIGTERM; how many seconds until it had ended, which it has to do well."""
        began = monotonic()
        self.send(signal.SIGTERM)
        try:
            ended = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGUSR1)  # it says where each of its threads is
            threading.Event().wait(1.0)
            pytest.fail("it does not stop:\n" + "".join(self.errors))
        assert ended == 0, "".join(self.errors[-20:])
        self.is_leading = False
        return monotonic() - began


class Instance:
    """One database with processes that keep time on it."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self.app = app
        self.folder = folder
        self.marks_file = folder / "marks"
        self.marks_file.touch()
        self.candidates: list[Candidate] = []
        self.settings = app.extensions[SETTINGS]

    def start(
        self,
        *,
        pace: Pace = FAST,
        seconds: float = 0.0,
        letter_lease: float = 1.0,
        mail_url: str = "",
        **trouble: Any,
    ) -> Candidate:
        """Start one more process; `seconds` is how long each run of the marking job takes.

        `trouble` says which of them are deadly or endless, and their hard limit.
        """
        wishes = {
            "environment": {
                "SNEAKY_DATA_DIR": str(self.settings.data_dir),
                "SNEAKY_DATABASE_URL": self.settings.database_url,
                "SNEAKY_SECRET_KEY": self.settings.secret_key.decode(),
                "SNEAKY_MAIL_URL": mail_url or self.settings.mail_url,
                "SNEAKY_MAIL_RATE": "100000",
                "SNEAKY_MAIL_DOMAIN_RATE": "100000",
                "SNEAKY_LOG_LEVEL": "WARNING",
            },
            "pace": asdict(pace),
            "marks": str(self.marks_file),
            "seconds": seconds,
            "letter_lease": letter_lease,
            "trouble": trouble,
        }
        command = [sys.executable, "-m", "tests.faults.candidate", json.dumps(wishes)]
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        candidate = Candidate(process)
        for stream, take in ((process.stdout, self._hear), (process.stderr, self._note)):
            threading.Thread(target=take, args=(candidate, stream), daemon=True).start()
        self.candidates.append(candidate)
        return candidate

    def start_many(self, number: int, **how: Any) -> list[Candidate]:
        """Start several, and wait until all are up and one leads."""
        started = [self.start(**how) for _ in range(number)]
        wait_until(lambda: all(one.is_up for one in started), "the processes are up")
        self.wait_for_leader()
        return started

    def leader(self) -> Candidate | None:
        """The process that last said that it leads, and lives."""
        return next((one for one in self.candidates if one.is_leading and one.is_alive), None)

    def wait_for_leader(self) -> Candidate:
        """Wait until one of the living processes leads."""
        wait_until(self.leader, "one of the processes leads")
        leader = self.leader()
        return leader if leader is not None else self.wait_for_leader()

    def end(self) -> None:
        """End every process that is still there."""
        for candidate in self.candidates:
            if candidate.is_alive:
                candidate.send(signal.SIGCONT)
                candidate.process.kill()
            candidate.process.wait(10)
            for stream in (candidate.process.stdout, candidate.process.stderr):
                if stream is not None:
                    stream.close()

    def plan_marks(self, numbers: range, *, within: float = 0.0, starts_in: float = 0.0) -> None:
        """Put a due run of the marking job for each number into the store, spread over some seconds."""
        clock = scheduler.clock_of(self.app)
        first = now() + timedelta(seconds=starts_in)
        rows = []
        for place, number in enumerate(numbers):
            due = first + timedelta(seconds=within * place / len(numbers))
            rows.append(clock._store.row(_mark(clock.scheduler, number, due)))
        with transaction() as session:
            session.execute(insert(job_store_table), rows)

    def marks(self) -> Counter[int]:
        """How often each number was written."""
        return Counter(map(int, self.marks_file.read_text().split()))

    def runs(self) -> list[JobExecution]:
        """Every run of the marking job on record."""
        db.session.remove()
        return list(db.session.scalars(select(JobExecution).where(JobExecution.job_id.startswith("mark_"))))

    def wait_for_marks(self, number: int, patience: float = 120.0) -> None:
        """Wait until so many runs have succeeded, however slowly; fail once none has for so many seconds."""
        while (done := self.succeeded()) < number:
            what = f"more than {done} of {number} runs succeed"
            wait_until(lambda done=done: self.succeeded() > done, what, patience)  # type: ignore[misc]

    def succeeded(self) -> int:
        """How many runs of the marking job have succeeded."""
        is_ours = JobExecution.job_id.startswith("mark_")
        counted = select(func.count()).where(is_ours, JobExecution.state == ExecutionState.SUCCEEDED)
        with a_look():
            return db.session.scalar(counted) or 0

    def assert_each_ran_once(self, number: int) -> None:
        """Every number has one run, and left one mark, or one more for each further attempt."""
        runs = {int(row.job_id.removeprefix("mark_")): row for row in self.runs()}
        assert sorted(runs) == list(range(number))
        assert len(self.runs()) == number
        assert {row.state for row in runs.values()} == {ExecutionState.SUCCEEDED}
        marks = self.marks()
        assert sorted(marks) == list(range(number))
        too_many = {one: (marks[one], runs[one].attempt) for one in marks if marks[one] > runs[one].attempt}
        assert too_many == {}
        assert_sound()

    def term(self) -> int:
        """The term of the leader row."""
        with a_look():
            return db.session.scalar(select(Leader.term)) or 0

    def can_be_written(self) -> bool:
        """Whether somebody else may write into the database right now."""
        file = make_url(self.settings.database_url).database
        if not self.settings.database_url.startswith("sqlite"):
            return True
        with closing(sqlite3.connect(str(file), timeout=0.2, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            connection.execute("ROLLBACK")
        return True

    def _hear(self, candidate: Candidate, stream: Iterator[str]) -> None:
        for line in stream:
            candidate.is_up = True
            candidate.is_leading = line.strip() == "leads"

    def _note(self, candidate: Candidate, stream: Iterator[str]) -> None:
        for line in stream:
            candidate.errors.append(line)


def _state(thread: Path) -> str:
    """The state of a thread as the system tells it: R, S, D, T, …"""
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def _mark(owner: object, number: int, due: datetime) -> Job:
    return Job(
        owner,
        id=f"mark_{number}",
        func=FIRE,
        args=("mark", number),
        kwargs={},
        name="mark",
        trigger=DateTrigger(due, UTC),
        executor="default",
        misfire_grace_time=None,
        coalesce=True,
        max_instances=1,
        next_run_time=due,
    )


@contextmanager
def running(app: Flask, folder: Path) -> Iterator[Instance]:
    """An instance whose processes are all gone at the end."""
    instance = Instance(app, folder)
    try:
        yield instance
    finally:
        instance.end()
