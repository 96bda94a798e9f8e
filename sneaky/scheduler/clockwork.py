"""The guarded scheduler: APScheduler's own, immune to what makes it forget."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from apscheduler.executors.base import MaxInstancesReachedError
from apscheduler.job import Job
from apscheduler.schedulers import SchedulerNotRunningError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import STATE_RUNNING, STATE_STOPPED

from sneaky.core.clock import monotonic, now
from sneaky.jobs.retrying import log_failure
from sneaky.jobs.running import Order
from sneaky.scheduler.fire import HouseExecutor
from sneaky.scheduler.store import CarefulJobStore

logger = logging.getLogger(__name__)

_QUEUE_AT_MOST = 500
_SOON = 0.25
_JOIN_SECONDS = 5.0


def _nothing() -> None:
    """What happens before due jobs are looked for, until somebody says otherwise."""


class GuardedScheduler(BackgroundScheduler):
    """A `BackgroundScheduler` whose thread outlives every error, and which never advances a job unrun.

    `before_due` is called on every round before due jobs are looked for; `may_submit` says whether this
    process still leads. A round comes at least every `tick` seconds, so that a clock that was set is noticed.
    """

    state: int

    def __init__(
        self, store: CarefulJobStore, executors: dict[str, HouseExecutor], *, tick: float = 10.0
    ) -> None:
        self.tick = tick
        self.before_due: Callable[[], None] = _nothing
        self.may_submit: Callable[[], bool] = lambda: True
        self.errors = 0
        self.ticked_at: datetime | None = None
        self._ticked = monotonic()
        self._looked_at = now()
        self._generation = 0
        self._store = store
        self._pools = executors
        for pool in executors.values():
            pool.when_claimed = self._advance
        super().__init__(
            timezone=UTC,
            jobstores={"default": store},
            executors=executors,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def seconds_since_tick(self) -> float:
        """How long ago the last round without any error ended; infinite where the thread is dead."""
        thread = self._thread
        return monotonic() - self._ticked if thread is not None and thread.is_alive() else float("inf")

    def start(self, paused: bool = False) -> None:
        """Start with fresh threads. May be started again after a shutdown, once jobs are added anew."""
        self._generation += 1
        self._ticked = monotonic()
        super().start(paused=paused)

    def shutdown(self, wait: bool = True) -> None:
        """Stop: nothing is submitted from here on. Runs in progress go on; `wait` waits for them."""
        if self.state == STATE_STOPPED:
            raise SchedulerNotRunningError
        self.state = STATE_STOPPED
        self.wakeup()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)
        for executor in self._pools.values():
            executor.shutdown(wait)
        if wait:  # otherwise a run may still have to tell the store that it was claimed
            self._store.shutdown()

    def replace_pending(self, jobs: Iterable[dict[str, Any]]) -> None:
        """Put these jobs, as arguments of `add_job`, in the place of all that wait for the start."""
        with self._jobstores_lock:
            self._pending_jobs.clear()
            for job in jobs:
                self.add_job(**job)

    def submit_order(self, order: Order) -> bool:
        """Run an order on the pool of its job; False while that job is in progress here."""
        return self._pools[order.work.timed.pool].submit_order(order)

    def backlog(self) -> int:
        """How many runs are in progress or waiting for a thread."""
        return sum(pool.backlog() for pool in self._pools.values())

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no run is in progress here, at most so long."""
        until = monotonic() + seconds
        return all(pool.wait_until_idle(until - monotonic()) for pool in self._pools.values())

    def _main_loop(self) -> None:
        generation = self._generation
        while self.state != STATE_STOPPED and generation == self._generation:
            wait = self._process_jobs()
            self._event.wait(wait)
            self._event.clear()

    def _process_jobs(self) -> float:
        if self.state != STATE_RUNNING:
            return self.tick
        wait, is_good = self.tick, True
        for part in (self.before_due, self._submit_due):
            try:
                part()
            except Exception as error:  # noqa: BLE001  (the thread has to outlive whatever it is)
                is_good = False
                self.errors += 1
                log_failure(logger, "the clock goes on after an error", error)
        try:
            wait = self._seconds_to_wait()
        except Exception as error:  # noqa: BLE001
            is_good = False
            log_failure(logger, "the clock looks again soon", error)
        if is_good:
            self.ticked_at, self._ticked = now(), monotonic()
        return wait

    def _seconds_to_wait(self) -> float:
        following = self._store.get_next_run_time()
        if following is None:
            return self.tick
        if following <= self._looked_at:  # handed over just now; it waits for a thread that claims it
            return _SOON
        wait: float = (following - now()).total_seconds()
        return min(max(wait, 0.0), self.tick)

    def _submit_due(self) -> None:
        at = self._looked_at = now()
        for job in self._store.get_due_jobs(at):
            if self.state != STATE_RUNNING or not self.may_submit() or self._is_full():
                return
            try:
                self._submit(job, at)
            except Exception as error:  # noqa: BLE001  (the next job has its turn)
                self.errors += 1
                log_failure(logger, "a due job could not be submitted", error, job=job.id)

    def _submit(self, job: Job, at: datetime) -> None:
        """Hand one due job to its pool. It stays due, and is handed over again, until its slot is claimed."""
        slots = job._get_run_times(at)
        if slots:
            with suppress(MaxInstancesReachedError):
                self._pools[job.executor].submit_job(job, slots)

    def _advance(self, job: Job, slot: datetime) -> None:
        """Write down the next run time of a job whose slot was claimed, from the thread that claimed it."""
        with self._jobstores_lock:
            self._store.advance(job.id, slot, now())

    def _is_full(self) -> bool:
        return any(pool.backlog() >= _QUEUE_AT_MOST for pool in self._pools.values())

    def _real_add_job(self, job: Job, jobstore_alias: str, replace_existing: bool) -> None:
        """Keep the stored run time of a job that has not changed: starting is no reason to forget it."""
        stored = self._store.lookup_job(job.id) if replace_existing else None
        if stored is not None:
            defaults = {name: value for name, value in self._job_defaults.items() if not hasattr(job, name)}
            job._modify(**defaults)
            is_paused = hasattr(job, "next_run_time") and job.next_run_time is None
            if _shape(stored) == _shape(job) and is_paused == (stored.next_run_time is None):
                job._modify(next_run_time=stored.next_run_time)
                job._jobstore_alias = jobstore_alias
                return
        super()._real_add_job(job, jobstore_alias, replace_existing)


def _shape(job: Job) -> tuple[Any, ...]:
    """Everything about a job but its run time."""
    return (
        job.func_ref,
        tuple(job.args),
        dict(job.kwargs),
        repr(job.trigger),
        job.executor,
        job.name,
        job.misfire_grace_time,
        job.coalesce,
        job.max_instances,
    )
