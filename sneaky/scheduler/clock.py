"""The clock of one process: waits to lead, beats while it leads, and stops cleanly."""

from __future__ import annotations

import logging
import os
import signal
import threading
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask

from sneaky.core.clock import monotonic
from sneaky.core.db import set_nudge
from sneaky.core.tokens import new_nonce
from sneaky.executions import overrides
from sneaky.jobs.hands import leave
from sneaky.jobs.running import Hands, Runner, perform
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.fire import HouseExecutor
from sneaky.scheduler.leader import Leadership
from sneaky.scheduler.recurring import add_job_arguments
from sneaky.scheduler.store import CarefulJobStore
from sneaky.scheduler.sync import Sync

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How fast the clock looks, beats and gives up, in seconds. Tests go faster; nobody else has to."""

    look: float = 1.0
    beat: float = 2.0
    take_over_after: float = 10.0
    tick: float = 10.0
    sync: float = 5.0
    lease: float = 30.0
    stuck_after: float = 60.0
    stop_within: float = 18.0


class Clock:
    """One process's part in keeping time: a candidate, and while it leads the owner of the scheduler."""

    def __init__(self, app: Flask, store: CarefulJobStore, pace: Pace) -> None:
        self._app = app
        self._pace = pace
        self._store = store
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._leadership = Leadership("", take_over_after=pace.take_over_after)
        self._sync: Sync | None = None
        self._rests_until = 0.0
        executors = {
            "default": HouseExecutor(app, 4, self._runner, self._hands),
            "letters": HouseExecutor(app, 2, self._runner, self._hands),
        }
        self.scheduler = GuardedScheduler(store, executors, tick=pace.tick)
        self.scheduler.may_submit = lambda: self._leadership.is_fresh()
        self.scheduler.replace_pending(add_job_arguments())

    @property
    def is_leading(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self._leadership.term is not None

    @property
    def is_running(self) -> bool:
        """Whether this process is a candidate or leads."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Become a candidate, in a thread of its own; to be called after forking. Again: nothing changes."""
        if self.is_running:
            return
        self._stopping = threading.Event()
        self._leadership = Leadership(new_nonce(), take_over_after=self._pace.take_over_after)
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Ask the clock to stop, and wait for nothing: for signal handlers."""
        self._stopping.set()
        self._wake.set()

    def stop(self) -> bool:
        """Stop: no new claims, runs finish their batch, leadership is handed over. False: a run hangs."""
        self.begin_stop()
        if self._thread is not None:
            self._thread.join(self._pace.stop_within + 2.0)
        return not self.is_running and self.scheduler.wait_until_idle(0)

    def nudge(self, topic: str) -> None:
        """There is something new for the leader; returns at once."""
        sync = self._sync
        if sync is not None:
            sync.nudge(topic)
            self.scheduler.wakeup()

    def _runner(self) -> Runner:
        return Runner(
            instance=self._leadership.holder,
            fence=self._leadership.fence,
            stopping=self._stopping,
            lease=timedelta(seconds=self._pace.lease),
            overrun=self._recycle,
        )

    def _hands(self) -> Hands:
        """Workers where there are any; otherwise this process makes the runs itself."""
        sync = self._sync
        return leave if sync is not None and sync.presence.is_anybody_there() else perform

    def _recycle(self) -> None:
        """A run hangs, and a thread cannot be killed: stop this process, so that another takes its place."""
        logger.error("this process stops, since one of its runs hangs")
        self.begin_stop()
        os.kill(os.getpid(), signal.SIGTERM)

    def _run(self) -> None:
        is_answered = True
        while not self._stopping.is_set():
            try:
                with self._app.app_context():
                    self._step()
                is_answered = True
            except Exception as error:  # noqa: BLE001  (whatever the database does, this thread lives)
                level = logging.WARNING if is_answered else logging.DEBUG  # an outage is told once
                logger.log(
                    level, "the clock could not look at the leader row", extra={"error": repr(error)[:300]}
                )
                is_answered = False
            self._wake.wait(self._pace.beat if self.is_leading else self._pace.look)
            self._wake.clear()
        try:
            with self._app.app_context():
                self._finish()
        except Exception:
            logger.exception("the clock could not hand over; another process takes over by itself")

    def _step(self) -> None:
        if not self.is_leading:
            if monotonic() >= self._rests_until and self._leadership.try_to_lead():
                self._lead()
        elif not self._leadership.beat(self.scheduler.ticked_at):
            logger.warning("another process leads; this one steps down")
            self._step_down()
        elif self.scheduler.seconds_since_tick() > self._pace.stuck_after:
            logger.error("the scheduler stands still; this process hands over")
            self._rests_until = monotonic() + self._pace.take_over_after
            self._step_down()
            self._leadership.hand_over()

    def _lead(self) -> None:
        logger.info("this process leads", extra={"term": self._leadership.term})
        try:
            unparked = self._store.unpark()
            self.scheduler.replace_pending(add_job_arguments(overrides.all_of_them()))
            self._sync = Sync(
                self._app,
                self.scheduler,
                self._store,
                every=self._pace.sync,
                lease=self._pace.lease,
                patience=self._pace.take_over_after,
            )
            self.scheduler.before_due = self._sync.round
            self.scheduler.start(paused=True)
        except Exception:
            self._rests_until = monotonic() + self._pace.look
            self._leadership.hand_over()
            raise
        for job_id in unparked:
            logger.info("parked job is back", extra={"job": job_id})
        set_nudge(self._app.extensions, self.nudge)
        self.scheduler.resume()

    def _step_down(self) -> None:
        """Stop the scheduler of this process; runs in progress go on under their own leases."""
        set_nudge(self._app.extensions, None)
        self._sync = None
        if self.scheduler.running:
            self.scheduler.shutdown(wait=False)

    def _finish(self) -> None:
        until = monotonic() + self._pace.stop_within
        self._step_down()
        while not self.scheduler.wait_until_idle(min(self._pace.beat, until - monotonic())):
            if monotonic() >= until:
                logger.error("a run did not stop in time; its lease will pass to another process")
                break
            self._leadership.beat(self.scheduler.ticked_at)
        self._leadership.hand_over()
        self._store.shutdown()
