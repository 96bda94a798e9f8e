"""Recurring jobs: the store follows the timetable and the admins, and missed slots are made up for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from apscheduler.util import utc_timestamp_to_datetime
from sqlalchemy import func, select, tuple_

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db
from sneaky.executions import alerts, overrides
from sneaky.executions.overrides import Override
from sneaky.jobs.running import Order
from sneaky.jobs.timetable import RECURRING, Timed
from sneaky.jobs.work import WORKS
from sneaky.models import Instance, JobExecution, Trigger, TroubleKind, job_store_table
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.fire import LATE
from sneaky.scheduler.store import FIRE
from sneaky.scheduler.triggers import cron, last_slot, next_slot

# A slot this old without a run, though somebody leads, is worth a letter.
MISSING_AFTER = timedelta(minutes=15)


def add_job_arguments(changed: dict[str, Override] | None = None) -> Iterator[dict[str, Any]]:
    """The recurring jobs as arguments of `add_job`, with the admins' changes."""
    for timed in RECURRING:
        if timed.id in WORKS:
            yield _arguments(timed, (changed or {}).get(timed.id, Override()))


def _arguments(timed: Timed, override: Override) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "func": FIRE,
        "args": (timed.id,),
        "trigger": cron(timed, override.schedule),
        "id": timed.id,
        "name": timed.title,
        "executor": timed.pool,
        "max_instances": timed.at_once,
        "replace_existing": True,
    }
    return arguments | ({"next_run_time": None} if override.is_paused else {})


class Recurring:
    """The recurring jobs during one term of leadership."""

    def __init__(self, scheduler: GuardedScheduler, changed: dict[str, Override]) -> None:
        self._scheduler = scheduler
        self._changed = changed
        self._began = monotonic()

    def is_paused(self, job_id: str) -> bool:
        """Whether an admin has paused the job, as of the last look."""
        return self._changed.get(job_id, Override()).is_paused

    def align(self) -> None:
        """Take up the admins' changes, and mend every run time that is missing or too far ahead.

        Too far ahead it is after the clock was set back; then the job would stand still until the old time
        came again.
        """
        changed = overrides.all_of_them()
        times = self._stored_times()
        for timed in RECURRING:
            if timed.id not in WORKS:
                continue
            override, before = changed.get(timed.id, Override()), self._changed.get(timed.id, Override())
            is_same = (override.is_paused, override.schedule) == (before.is_paused, before.schedule)
            if not is_same or timed.id not in times or (times[timed.id] is None) != override.is_paused:
                self._scheduler.add_job(**_arguments(timed, override))
            elif not override.is_paused:
                self._pull_back(timed, override, times[timed.id])
        self._changed = changed

    def make_up(self) -> None:
        """Run each job once whose last slot has no run, if the instance existed at that time."""
        slots = dict(self._late_slots())
        if not slots:
            return
        pair = tuple_(JobExecution.job_id, JobExecution.slot)
        known = select(JobExecution.job_id).where(pair.in_(list(slots.items())))
        for job_id in db.session.scalars(known):
            del slots[job_id]
        born = self._born() if slots else None
        for job_id, slot in slots.items():
            if born is not None and slot >= born:
                self._scheduler.submit_order(Order(WORKS[job_id], (), slot, Trigger.CATCH_UP))
                self._tell_if_missing(job_id, slot)

    def _late_slots(self) -> Iterator[tuple[str, datetime]]:
        at = now()
        for timed in RECURRING:
            override = self._changed.get(timed.id, Override())
            if timed.is_tick or timed.id not in WORKS or override.is_paused:
                continue
            slot = last_slot(cron(timed, override.schedule), at)
            if slot is None or at - slot < LATE:
                continue
            if override.changed_at is None or slot >= override.changed_at:
                yield timed.id, slot

    def _tell_if_missing(self, job_id: str, slot: datetime) -> None:
        """A slot that we keep failing to run is a trouble; one missed before we led is merely late."""
        if now() - slot > MISSING_AFTER and monotonic() - self._began > MISSING_AFTER.total_seconds():
            alerts.raise_trouble(TroubleKind.MISSING, job_id, error=f"no run for {slot:%F %H:%M} UTC")

    def _pull_back(self, timed: Timed, override: Override, stored: datetime | None) -> None:
        following = next_slot(cron(timed, override.schedule), now())
        if stored is not None and following is not None and stored > following:
            self._scheduler.modify_job(timed.id, next_run_time=following)

    def _stored_times(self) -> dict[str, datetime | None]:
        columns = job_store_table.c
        rows = db.session.execute(
            select(columns.id, columns.next_run_time).where(columns.id.in_([timed.id for timed in RECURRING]))
        )
        return {row.id: utc_timestamp_to_datetime(row.next_run_time) for row in rows}

    def _born(self) -> datetime | None:
        """Since when the instance exists, as far as it can tell: its set-up, or the first run on record."""
        known = (
            db.session.scalar(select(Instance.set_up_at)),
            db.session.scalar(select(func.min(JobExecution.started_at))),
        )
        return min((instant for instant in known if instant is not None), default=None)
