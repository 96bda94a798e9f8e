"""The one callable in the job store, and the executor that gives it app context, slot and term."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.schedulers.base import BaseScheduler
from flask import Flask

from sneaky.core.clock import now
from sneaky.executions.claims import NotLeading
from sneaky.jobs.retrying import log_failure
from sneaky.jobs.running import Hands, JobResult, Order, Runner, perform
from sneaky.jobs.work import WORKS
from sneaky.models import Trigger

logger = logging.getLogger(__name__)

# Later than this, a run did not come from its time but from somebody who noticed that it was missed.
LATE = timedelta(seconds=60)


def fire(
    name: str,
    *ids: int,
    slot: datetime | None = None,
    runner: Runner | None = None,
    hands: Hands = perform,
) -> JobResult:
    """Run the job called `name` for its slot (UTC instant). Stored rows name this function: never move it.

    Raises `NotLeading` where the runner's term has passed.
    """
    at = now()
    trigger = Trigger.CATCH_UP if slot is not None and at - slot > LATE else Trigger.CLOCK
    return hands(Order(WORKS[name], ids, slot or at, trigger), runner or Runner())


class HouseExecutor(BaseExecutor):
    """Threads on which jobs run inside the app, each under the term its process led when it was begun.

    `hands` is asked for each run who makes it: these threads, or workers for whom they write it down.
    """

    def __init__(
        self,
        app: Flask,
        threads: int,
        runner: Callable[[], Runner],
        hands: Callable[[], Hands] = lambda: perform,
    ) -> None:
        super().__init__()
        self._app = app
        self._threads = threads
        self._runner = runner
        self._hands = hands
        self.when_claimed: Callable[[Job, datetime], None] = lambda _job, _slot: None
        self._pool: ThreadPoolExecutor | None = None
        self._idle = threading.Condition()
        self._in_flight = 0

    def start(self, scheduler: BaseScheduler, alias: str) -> None:
        """Begin with fresh threads; a process may lead, step down, and lead again."""
        super().start(scheduler, alias)
        self._instances.clear()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix=f"jobs-{alias}")

    def shutdown(self, wait: bool = True) -> None:
        """Take nothing more. What waits in the queue finds the term over, or the stop, and does nothing."""
        if self._pool is not None:
            self._pool.shutdown(wait)

    def backlog(self) -> int:
        """How many runs are in progress or waiting for a thread."""
        return self._in_flight

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until every run has ended, at most so long."""
        with self._idle:
            return self._idle.wait_for(lambda: self._in_flight == 0, timeout=max(0.0, seconds))

    def submit_order(self, order: Order) -> bool:
        """Run an order that did not come from the job store; False while that job is in progress here."""
        with self._lock:
            if self._instances[order.job_id] >= order.work.timed.at_once:
                return False
            self._begin(order.job_id, lambda runner: self._hands()(order, runner))
            self._instances[order.job_id] += 1
            return True

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        name, *ids = job.args
        slot = run_times[-1]

        def run(runner: Runner) -> JobResult:
            claimed = functools.partial(self._claimed, job, slot)
            return fire(name, *ids, slot=slot, runner=replace(runner, claimed=claimed), hands=self._hands())

        self._begin(job.id, run)

    def _claimed(self, job: Job, slot: datetime) -> None:
        try:
            self.when_claimed(job, slot)
        except Exception as error:  # noqa: BLE001  (the claim stands, and that is what counts)
            log_failure(logger, "a claimed job stays due; its claim will be seen", error, job=job.id)

    def _begin(self, job_id: str, run: Callable[[Runner], JobResult]) -> None:
        if self._pool is None:
            raise RuntimeError("the executor has not been started")
        future = self._pool.submit(self._inside_the_app, job_id, run, self._runner())
        self._count(1)
        future.add_done_callback(lambda done: self._ended(job_id, done))

    def _inside_the_app(self, job_id: str, run: Callable[[Runner], JobResult], runner: Runner) -> None:
        if runner.stopping.is_set():
            return
        try:
            with self._app.app_context():
                run(runner)
        except NotLeading:
            logger.info("job left to the new leader", extra={"job": job_id})
        except Exception as error:  # noqa: BLE001  (it stays due, or its lease ends: it is not lost)
            log_failure(logger, "job could not be run", error, job=job_id)

    def _ended(self, job_id: str, _done: Future[None]) -> None:
        self._run_job_success(job_id, [])
        self._count(-1)

    def _count(self, change: int) -> None:
        with self._idle:
            self._in_flight += change
            self._idle.notify_all()
