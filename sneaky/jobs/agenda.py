"""The reminders to come, each under the id of its job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.jobs.timetable import REMINDER
from sneaky.jobs.work import WORKS
from sneaky.models import Exchange, Reminder, ReminderState


@dataclass(frozen=True)
class ComingReminder:
    """A planned reminder; `is_armed` once the clock keeps a job for its instant."""

    job_id: str
    exchange_name: str
    days_before: int
    due_at: datetime
    is_armed: bool


@dataclass(frozen=True)
class Agenda:
    """The next reminders, soonest first, and how many there are in all."""

    reminders: list[ComingReminder]
    total: int


def coming_reminders(number: int) -> Agenda:
    """The next `number` planned reminders of all exchanges."""
    is_planned = Reminder.state == ReminderState.PLANNED
    total = db.session.scalars(select(func.count()).select_from(Reminder).where(is_planned)).one()
    rows = db.session.execute(
        select(Reminder.exchange_id, Reminder.days_before, Reminder.due_at, Reminder.armed_for, Exchange.name)
        .join(Exchange, Exchange.id == Reminder.exchange_id)
        .where(is_planned)
        .order_by(Reminder.due_at, Reminder.id)
        .limit(number)
    )
    job_id = WORKS[REMINDER.id].job_id
    return Agenda(
        [
            ComingReminder(
                job_id(row.exchange_id, row.days_before),
                row.name,
                row.days_before,
                row.due_at,
                is_armed=row.armed_for == row.due_at,
            )
            for row in rows
        ],
        total,
    )
