"""A worker: a process that takes runs which wait and letters which are due, and never leads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from sneaky.core.clock import monotonic, now
from sneaky.core.db import has_engine
from sneaky.core.settings import settings
from sneaky.core.tokens import new_nonce
from sneaky.executions import overrides, workers
from sneaky.executions.overrides import Override
from sneaky.jobs import hands
from sneaky.jobs.hands import Unknown
from sneaky.jobs.retrying import log_failure
from sneaky.jobs.running import Order, Runner, perform
from sneaky.jobs.work import WORKS
from sneaky.models import Trigger
from sneaky.outbox import leases

logger = logging.getLogger(__name__)

LETTERS_JOB = "deliver_letters"
SENDERS = 2


@dataclass(frozen=True)
class Pace:
    """How often a worker looks and beats, how long its leases are, and its grace at the end, in seconds."""

    look: float = 1.0
    beat: float = 2.0
    lease: float = 30.0
    stop_within: float = 18.0


class Worker:
    """One process's hands: threads that make runs, and two more that send letters.

    Each run is under its lease, which is the fencing token: once another process has it, nothing of this run
    is written any more. At a run's hard limit the process stops taking, and `has_to_begin_anew`.
    """

    # Threads for what this process does besides runs and letters.
    _ASIDE = 0

    def __init__(self, app: Flask, *, threads: int, pace: Pace | None = None) -> None:
        self._app = app
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads + SENDERS + self._ASIDE, thread_name_prefix="worker")
        self._pace = pace or Pace()
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._busy = {"default": 0, "letters": 0}
        self._unknown: set[str] = set()
        self._beaten = float("-inf")
        self._since = now()
        self._is_answered = True
        self.has_to_begin_anew = False
        self._runner = Runner(
            instance=new_nonce(),
            stopping=self._stopping,
            lease=timedelta(seconds=self._pace.lease),
            overrun=self._give_up,
        )

    def begin_stop(self) -> None:
        """Ask the worker to stop, and wait for nothing: for signal handlers."""
        self._stopping.set()

    def work(self) -> bool:
        """Take and run until told to stop, then let runs finish their batch. False: a run hangs."""
        logger.info("this process is a worker", extra={"instance": self._runner.instance})
        while not self._stopping.is_set():
            self._round()
            with self._changed:  # a run that ends makes room for the next one at once
                self._changed.wait(self._pace.look)
        self._pool.shutdown(wait=False)
        return self._finish(self._pace.stop_within)

    def _round(self) -> None:
        """Beat, and take what waits. Whatever the database does, the next round comes."""
        try:
            with self._app.app_context():
                self._beat()
                self._take_runs()
                self._send_letters()
            self._is_answered = True
        except Exception as error:  # noqa: BLE001  (an outage is told once, and ends by itself)
            if self._is_answered:
                log_failure(logger, "the worker could not look for work", error)
            self._is_answered = False

    def _beat(self) -> None:
        if monotonic() - self._beaten >= self._pace.beat:
            workers.beat(self._runner.instance, self._since)
            self._beaten = monotonic()

    def _take_runs(self) -> None:
        while self._busy["default"] < self._threads and not self._stopping.is_set():
            are_senders_busy = self._busy["letters"] >= SENDERS
            try:
                taken = hands.take(
                    self._runner, but=self._unknown | ({LETTERS_JOB} if are_senders_busy else set())
                )
            except Unknown as unknown:
                logger.warning("a run waits for another release", extra={"job": unknown.job_id})
                self._unknown.add(unknown.job_id)
                continue
            if taken is None:
                return
            self._start(taken.work.timed.pool, taken.work.name, taken.run)

    def _send_letters(self) -> None:
        """A nudge reaches only its own process, and a letter with a link in it should not wait for a tick."""
        if self._busy["letters"] < SENDERS and self._are_letters_due():
            self._start("letters", LETTERS_JOB, self._deliver)

    def _are_letters_due(self) -> bool:
        if not leases.is_anything_to_send():
            return False
        return not overrides.all_of_them().get(LETTERS_JOB, Override()).is_paused

    def _deliver(self) -> None:
        perform(Order(WORKS[LETTERS_JOB], (), now(), Trigger.CLOCK), self._runner)

    def _start(self, pool: str, job: str, run: Callable[[], object]) -> None:
        self._count(pool, 1)
        self._pool.submit(self._inside_the_app, pool, job, run)

    def _inside_the_app(self, pool: str, job: str, run: Callable[[], object]) -> None:
        try:
            with self._app.app_context():
                run()
        except Exception as error:  # noqa: BLE001  (its lease ends, and another worker takes it)
            log_failure(logger, "job could not be run", error, job=job)
        finally:
            self._count(pool, -1)

    def _count(self, pool: str, change: int) -> None:
        with self._changed:
            self._busy[pool] += change
            self._changed.notify_all()

    def _give_up(self) -> None:
        """A run hangs, and a thread cannot be killed: this process has to make room for a fresh one."""
        logger.error("this process begins anew, since one of its runs hangs")
        self.has_to_begin_anew = True
        self.begin_stop()

    def _finish(self, within: float) -> bool:
        """Hand over what is not done. The beat goes first, so that nothing more is left to this process."""
        try:
            with self._app.app_context():
                workers.sign_off([self._runner.instance])
        except Exception as error:  # noqa: BLE001  (the leader notices by itself)
            log_failure(logger, "the worker could not sign off", error)
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._busy.values()), within)


def make_worker(app: Flask, pace: Pace | None = None, *, threads: int | None = None) -> Worker:
    """The worker that fits the engine in force, with so many `threads` or as many as the settings say."""
    with app.app_context():
        threads, is_knocked_at = threads or settings().threads, has_engine()
    if not is_knocked_at:
        return Worker(app, threads=threads, pace=pace)
    from sneaky.worker.procrastinating import EnginePace, EngineWorker  # noqa: PLC0415  (an extra)

    return EngineWorker(app, threads=threads, pace=pace if isinstance(pace, EnginePace) else None)
