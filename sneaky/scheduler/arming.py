"""Reminder rows ⇄ date jobs: each planned reminder has its job in the store, and nothing else has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.job import Job
from apscheduler.triggers.date import DateTrigger
from apscheduler.util import datetime_to_utc_timestamp
from sqlalchemy import String, cast, delete, exists, func, literal, select, text, tuple_, update
from sqlalchemy.orm import Session

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, insert_into, transaction
from sneaky.jobs.work import WORKS
from sneaky.models import JobExecution, Reminder, ReminderState, job_store_table
from sneaky.models.exchanges import TO_ARM
from sneaky.scheduler.clockwork import GuardedScheduler
from sneaky.scheduler.store import FIRE, CarefulJobStore

NAME = "send_reminder_for_exchange"
# What falls due within this time is compared row by row on every round, whatever the marks say.
NEAR = timedelta(hours=1)
_BATCH = 500
_SECONDS_A_ROUND = 2.0
# Counting takes longer the more there is, so a new leader's first round does without.
_COMPARES_IN_ROUND = 2

_PREFIX = "reminder_exchange_"
_job_id = (
    literal(_PREFIX) + cast(Reminder.exchange_id, String) + "_days_" + cast(Reminder.days_before, String)
)
_stored = job_store_table.c
_is_date_job = _stored.id.startswith(_PREFIX, autoescape=True)
_is_planned = Reminder.state == ReminderState.PLANNED


class Arming:
    """Keeps date jobs in agreement with reminder rows, without ever reading all of them.

    A mark on the row says for which instant its job was stored; a partial index finds the rows whose mark is
    wrong. A lost job store would leave the marks, so a new leader compares the counts, and every round
    compares what is due soon.
    """

    def __init__(self, scheduler: GuardedScheduler, store: CarefulJobStore) -> None:
        self._scheduler = scheduler
        self._store = store
        self._rounds = 0

    def round(self) -> None:
        """Store, move and remove date jobs until they agree with the rows, or two seconds have passed."""
        until = monotonic() + _SECONDS_A_ROUND
        self._distrust_marks_due_soon()
        while self._arm_some():
            if monotonic() > until:
                self._scheduler.wakeup()
                return
        self._remove_orphans_due_soon()
        self._rounds += 1
        if self._rounds == _COMPARES_IN_ROUND:
            self._compare_counts()

    def _arm_some(self) -> bool:
        """Make the jobs of some wrongly marked rows what the rows say, and mark them, in one transaction."""
        db.session.remove()
        wrong = select(Reminder.id).where(text(f"({TO_ARM})")).order_by(Reminder.id).limit(1)
        if db.session.scalar(wrong) is None:
            return False
        with transaction() as session:
            rows = session.execute(
                select(
                    Reminder.id, Reminder.exchange_id, Reminder.days_before, Reminder.due_at, Reminder.state
                )
                .where(text(f"({TO_ARM})"))
                .order_by(Reminder.id)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            planned = [row for row in rows if row.state is ReminderState.PLANNED]
            self._remove(session, [row for row in rows if row.state is not ReminderState.PLANNED])
            self._store_jobs(session, planned)
            for are_planned, mark in ((True, Reminder.due_at), (False, None)):
                ids = [row.id for row in rows if (row.state is ReminderState.PLANNED) == are_planned]
                session.execute(
                    update(Reminder)
                    .where(Reminder.id.in_(ids))
                    .values(armed_for=mark)
                    .execution_options(synchronize_session=False)
                )
        return bool(rows)

    def _store_jobs(self, session: Session, planned: Sequence[Any]) -> None:
        if planned:
            table = job_store_table
            write = insert_into(table).values([self._store.row(self._job(row)) for row in planned])
            changed = {name: write.excluded[name] for name in ("next_run_time", "job_state")}
            session.execute(write.on_conflict_do_update(index_elements=["id"], set_=changed))

    def _remove(self, session: Session, settled: Sequence[Any]) -> None:
        """Remove the jobs of settled rows, unless a planned row of the same exchange and day uses the id."""
        for row in settled:
            other = exists().where(
                Reminder.exchange_id == row.exchange_id, Reminder.days_before == row.days_before, _is_planned
            )
            job_id = WORKS[NAME].job_id(row.exchange_id, row.days_before)
            session.execute(delete(job_store_table).where(_stored.id == job_id, ~other))

    def _job(self, row: Any) -> Job:
        work = WORKS[NAME]
        due_at: datetime = row.due_at
        return Job(
            self._scheduler,
            id=work.job_id(row.exchange_id, row.days_before),
            func=FIRE,
            args=(NAME, row.exchange_id, row.days_before),
            kwargs={},
            name=NAME,
            trigger=DateTrigger(due_at, timezone=UTC),
            executor=work.timed.pool,
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
            next_run_time=due_at,
        )

    def _distrust_marks_due_soon(self) -> None:
        """Take the mark from rows due soon, or overdue without a run, whose job is not there."""
        db.session.remove()
        soon = select(Reminder.id).where(
            _is_planned, Reminder.due_at <= now() + NEAR, Reminder.armed_for.is_not(None)
        )
        if db.session.scalar(soon.limit(1)) is None:  # the usual case, and far cheaper to ask than the rest
            return
        job = exists().where(_stored.id == _job_id)
        run = exists().where(JobExecution.job_id == _job_id, JobExecution.slot == Reminder.due_at)
        if ids := db.session.scalars(soon.where(~job, ~run).limit(_BATCH)).all():
            with transaction() as session:
                session.execute(
                    update(Reminder)
                    .where(Reminder.id.in_(ids))
                    .values(armed_for=None)
                    .execution_options(synchronize_session=False)
                )

    def _remove_orphans_due_soon(self) -> None:
        """Remove date jobs due soon without a planned reminder, such as those of an erased exchange."""
        near = datetime_to_utc_timestamp(now() + NEAR)
        job_ids = db.session.scalars(
            select(_stored.id).where(_is_date_job, _stored.next_run_time <= near).limit(_BATCH)
        ).all()
        keys = {WORKS[NAME].ids_of(job_id): job_id for job_id in job_ids}
        key = tuple_(Reminder.exchange_id, Reminder.days_before)
        wanted = select(Reminder.exchange_id, Reminder.days_before).where(
            _is_planned, key.in_([ids for ids in keys if ids])
        )
        for row in db.session.execute(wanted) if keys else ():
            keys.pop((row.exchange_id, row.days_before), None)
        if keys:
            with transaction() as session:
                session.execute(delete(job_store_table).where(_stored.id.in_(list(keys.values()))))

    def _compare_counts(self) -> None:
        """As a new leader: where jobs and marks differ in number, make both agree."""
        jobs = select(func.count()).select_from(job_store_table).where(_is_date_job)
        marks = select(func.count()).select_from(Reminder).where(Reminder.armed_for.is_not(None))
        if db.session.scalar(jobs) == db.session.scalar(marks):
            return
        with transaction() as session:
            session.execute(
                update(Reminder)
                .where(Reminder.armed_for.is_not(None), ~exists().where(_stored.id == _job_id))
                .values(armed_for=None)
                .execution_options(synchronize_session=False)
            )
            wanted = select(_job_id).where(_is_planned)
            session.execute(delete(job_store_table).where(_is_date_job, _stored.id.not_in(wanted)))
        self._scheduler.wakeup()
