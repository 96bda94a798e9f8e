"""What was under way when a backup was made: nobody is at it in the instance that comes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from sneaky.cli.check import findings
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import Settings
from sneaky.executions.claims import claim
from sneaky.models import JobExecution, Leader, Letter, LetterState, Reminder, ReminderState, Trigger
from sneaky.outbox import leases, queue
from sneaky.outbox.leases import Lease
from sneaky.upkeep import backups
from tests.upkeep.lives import a_full_life, running

LONG_AGO = timedelta(hours=1)


def under_way() -> int:
    """A letter in a sender's hands, a run in progress, and a reminder that is due soon; the letter's id."""
    a_full_life()
    lease = leases.turn(None, wants_next=True)
    assert isinstance(lease, Lease)
    claim("prune_job_history", now(), trigger=Trigger.CLOCK, instance="of then")
    return lease.letter_id


def long_ago(restored: Settings) -> None:
    """Let the backup have been made long before the restore."""
    with running(restored), transaction() as session:
        session.execute(
            update(Letter).where(Letter.lease_until.is_not(None)).values(lease_until=now() - LONG_AGO)
        )
        session.execute(
            update(JobExecution)
            .where(JobExecution.lease_until.is_not(None))
            .values(lease_until=now() - LONG_AGO)
        )
        planned = Reminder.state == ReminderState.PLANNED
        session.execute(update(Reminder).where(planned).values(due_at=now() - LONG_AGO))


def test_letter_that_was_on_its_way_can_be_taken_out(
    app: Flask, other_host: Settings, tmp_path: Path
) -> None:
    letter_id = under_way()
    backups.restore(backups.backup(tmp_path / "kept.backup")[0], other_host)
    with running(other_host):
        assert db.session.get_one(Letter, letter_id).state is LetterState.QUEUED
        assert queue.discard([letter_id]) == 1


@pytest.mark.parametrize("is_copied", [False, True])
def test_check_before_the_first_start_finds_nothing_odd(
    app: Flask, other_host: Settings, settings: Settings, tmp_path: Path, is_copied: bool
) -> None:
    under_way()
    if is_copied:
        backups.copy(settings.database_url, other_host.database_url, tmp_path)
    else:
        backups.restore(backups.backup(tmp_path / "kept.backup")[0], other_host)
    long_ago(other_host)
    with running(other_host):
        assert list(findings()) == []


def test_reminder_that_stays_overdue_while_somebody_leads_is_told(
    app: Flask, other_host: Settings, tmp_path: Path
) -> None:
    under_way()
    backups.restore(backups.backup(tmp_path / "kept.backup")[0], other_host)
    long_ago(other_host)
    with running(other_host):
        with transaction() as session:
            session.add(Leader(id=1, holder="one", term=1, since=now(), ticked_at=now()))
        number = len(db.session.scalars(select(Reminder.id)).all())
        told = [one for one in findings() if one.promise == "reminders belong to matched exchanges"]
        assert len(told) == number > 0
