"""Runs in progress: those whose process is gone are taken up again, those far too slow are told about."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.executions import alerts, history
from sneaky.executions.claims import ATTEMPTS
from sneaky.jobs.running import Order
from sneaky.jobs.work import resolve
from sneaky.models import ExecutionState, JobExecution, TroubleKind
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.presence import Presence

_SLOW_AT_LEAST = 60.0
_FAR_BEYOND = 5.0


class Watch:
    """The leader's watch over runs in progress, whoever runs them.

    A lease that nobody renewed for `patience` seconds on our own monotonic clock is stale, and at once if it
    is a worker's that is gone; the instant in the row is compared with no clock, so that one that was set
    takes no living run away. A run that was handed over holds no lease and is taken up at once: by a worker
    where there is one, otherwise by us.
    """

    def __init__(self, scheduler: GuardedScheduler, presence: Presence, *, patience: float) -> None:
        self._scheduler = scheduler
        self._presence = presence
        self._patience = patience
        self._seen: dict[int, tuple[object, float]] = {}

    def take_up_stale_runs(self) -> None:
        """Go on with stale runs in their next attempt, or give them up after three."""
        running = select(
            JobExecution.id,
            JobExecution.job_id,
            JobExecution.slot,
            JobExecution.trigger,
            JobExecution.attempt,
            JobExecution.lease_id,
            JobExecution.lease_until,
            JobExecution.instance,
        ).where(JobExecution.state == ExecutionState.RUNNING)
        if self._presence.is_anybody_there():
            running = running.where(JobExecution.lease_id.is_not(None))
        seen: dict[int, tuple[object, float]] = {}
        for row in db.session.execute(running).all():
            lease = (row.lease_id, row.lease_until)
            before, since = self._seen.get(row.id, (None, 0.0))
            seen[row.id] = (lease, since if before == lease else monotonic())
            is_stale = monotonic() - seen[row.id][1] >= self._patience or self._presence.is_gone(row.instance)
            if row.lease_id is None or is_stale:
                self._take_up(row)
        self._seen = seen

    def tell_about_slow_runs(self) -> None:
        """Tell the admins of a run that takes five times as long as the longest of the last twenty."""
        running = select(JobExecution.job_id, JobExecution.public_id, JobExecution.started_at).where(
            JobExecution.state == ExecutionState.RUNNING, JobExecution.lease_id.is_not(None)
        )
        for row in db.session.execute(running).all():
            seconds = (now() - row.started_at).total_seconds()
            if seconds < _SLOW_AT_LEAST:
                continue
            usual = history.usual_duration(row.job_id)
            if usual is not None and seconds > _FAR_BEYOND * max(usual, _SLOW_AT_LEAST / _FAR_BEYOND):
                error = f"running for {seconds:.0f} s, usually {usual:.0f} s"
                alerts.raise_trouble(
                    TroubleKind.SLOW, _name(row.job_id), execution=row.public_id, error=error
                )

    def _take_up(self, row: Any) -> None:
        try:
            work, ids = resolve(row.job_id)
        except NotFound as unknown:
            history.abandon(row.id, row.lease_id, job=row.job_id, reason=unknown.message)
            return
        if row.lease_id is not None and row.attempt >= ATTEMPTS:
            reason = f"its process went away {row.attempt} times"
            history.abandon(row.id, row.lease_id, job=work.name, reason=reason)
            return
        stale = (row.id, row.lease_id)
        self._scheduler.submit_order(Order(work, ids, row.slot, row.trigger, stale=stale))


def _name(job_id: str) -> str:
    """The name under which troubles of a job are kept."""
    try:
        return resolve(job_id)[0].name
    except NotFound:
        return job_id
