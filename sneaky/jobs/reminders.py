"""Sends reminders: one at its own time, and whatever that missed every minute."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import NotFound, SneakyError
from sneaky.jobs.running import job
from sneaky.jobs.work import Run, Skipped
from sneaky.models import Reminder, ReminderState, Trigger
from sneaky.reminders import planning, sending
from sneaky.reminders.sending import ReminderOutcome

# Date jobs get so long before the safety net takes a reminder out of their hands.
HEAD_START = timedelta(seconds=20)
_AT_ONCE = 500
_BY_HAND = frozenset({Trigger.SHELL, Trigger.MANUAL})


class RemindersFailed(SneakyError):
    """Some reminders could not be sent; the log names them. They are tried again every minute."""


@job(id_form="reminder_exchange_{}_days_{}")
def send_reminder_for_exchange(run: Run, exchange_id: int, days_before: int) -> None:
    """Send the planned reminder of an exchange so many days before its date; by hand also ahead of time."""
    planned = select(Reminder.id).where(
        Reminder.exchange_id == exchange_id,
        Reminder.days_before == days_before,
        Reminder.state == ReminderState.PLANNED,
    )
    reminder_id = db.session.scalar(planned.order_by(Reminder.due_at).limit(1))
    if reminder_id is None:
        raise Skipped("no such reminder is planned")
    outcome = _send(run, reminder_id, even_if_early=run.trigger in _BY_HAND)
    if outcome.state is not ReminderState.SENT:
        raise Skipped(outcome.reason)


@job()
def send_due_reminders(run: Run) -> None:
    """Send every reminder that is due and not settled; one that fails stops no other. Raises at the end."""
    failed = 0
    for reminder_id in planning.due(now() - HEAD_START, _AT_ONCE):
        try:
            _send(run, reminder_id)
        except NotFound:
            continue  # its exchange was erased a moment ago
        except Exception as error:  # noqa: BLE001  (whatever it is, the next reminder has its turn)
            db.session.remove()
            failed += 1
            run.note(f"reminder {reminder_id} failed: {type(error).__name__}: {error}")
        else:
            run.checkpoint()
    if failed:
        run.count("failed", failed)
        raise RemindersFailed


def _send(run: Run, reminder_id: int, *, even_if_early: bool = False) -> ReminderOutcome:
    outcome = run.step(lambda: sending.send(reminder_id, even_if_early=even_if_early))
    if outcome.state is ReminderState.SENT:
        run.count("reminders")
        run.count("letters", outcome.queued)
    else:
        run.note(f"reminder {reminder_id} {outcome.state}: {outcome.reason}")
    return outcome
