"""`sneaky check`: goes over the whole database and tells every promise that does not hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

import click
from flask import Flask
from sqlalchemy import exists, func, or_, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import aliased

from sneaky.cli import with_app
from sneaky.core import schema
from sneaky.core.clock import now
from sneaky.core.crypto import CannotUnseal
from sneaky.core.db import db
from sneaky.draws import rules
from sneaky.executions import health
from sneaky.jobs.timetable import REMINDER
from sneaky.jobs.work import WORKS
from sneaky.matches import seals
from sneaky.models import (
    AuditEntry,
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    ExecutionState,
    JobExecution,
    Letter,
    LetterState,
    Match,
    Participant,
    ParticipantState,
    Reminder,
    ReminderState,
    job_store_table,
)
from sneaky.models.letters import UNDELIVERED
from sneaky.upkeep import keys
from sneaky.upkeep.filling import COPIED, RESTORED

# A lease that ended this long ago should have been taken over by somebody.
_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Finding:
    """One promise that does not hold: which, and where. Ids only, no names."""

    promise: str
    where: str


Check = Callable[[], Iterator[str]]


def the_schema_is_at_head() -> Iterator[str]:
    """The database has this version's schema."""
    with db.engine.connect() as connection:
        current = schema.current(connection)
    if current != schema.head():
        yield f"the database is at {current or 'nothing'}, this version at {schema.head()}"


def the_file_is_sound() -> Iterator[str]:
    """SQLite finds no fault in its file, and no row points nowhere."""
    if db.engine.dialect.name != "sqlite":
        return
    with db.engine.connect() as connection:
        for (answer,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if answer != "ok":
                yield answer
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"{row[0]} row {row[1]} points to no {row[2]}"


def every_seal_has_its_key() -> Iterator[str]:
    """Each sealed value was sealed by a secret key that this instance has."""
    for key in keys.status():
        if not key.is_known:
            sealed = ", ".join(f"{number} {name}" for name, number in key.sealed.items())
            yield f"{sealed} want the key {key.fingerprint}"


def matched_means_one_current_draw() -> Iterator[str]:
    """An exchange is matched if and only if it has a current draw; a completed one may have had one."""
    has_draw = exists().where(Draw.exchange_id == Exchange.id, Draw.state == DrawState.CURRENT)
    wrong = or_(
        (Exchange.state == ExchangeState.MATCHED) & ~has_draw,
        Exchange.state.in_(
            [ExchangeState.DRAFT, ExchangeState.REGISTRATION_OPEN, ExchangeState.REGISTRATION_CLOSED]
        )
        & has_draw,
    )
    for exchange_id, state in db.session.execute(select(Exchange.id, Exchange.state).where(wrong)):
        yield f"exchange {exchange_id} is {state}"


def every_draw_is_valid() -> Iterator[str]:
    """Who takes part gives once and receives once, and nobody against a rule of the organizer."""
    current = (
        select(Draw.id, Draw.exchange_id)
        .join(Exchange, Exchange.id == Draw.exchange_id)
        .where(Draw.state == DrawState.CURRENT, Exchange.state == ExchangeState.MATCHED)
    )
    for draw_id, exchange_id in db.session.execute(current).all():
        try:
            recipient_of = seals.pairs(draw_id)
        except CannotUnseal:
            yield f"draw {draw_id} cannot be unsealed with this secret key"
            continue
        people = set(
            db.session.scalars(
                select(Participant.id).where(
                    Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE
                )
            )
        )
        if not set(recipient_of) == set(recipient_of.values()) == people:
            yield f"draw {draw_id} leaves somebody in exchange {exchange_id} out"
        if set(recipient_of.items()) & rules.forbidden_pairs(exchange_id).declared:
            yield f"draw {draw_id} breaks a rule of exchange {exchange_id}"


def every_match_was_written_about() -> Iterator[str]:
    """Whoever has a match of a current draw has a letter that says so."""
    letter = aliased(Letter)
    lonely = (
        select(Match.giver_id)
        .join(Draw, Draw.id == Match.draw_id)
        .join(Exchange, Exchange.id == Draw.exchange_id)
        .where(
            Draw.state == DrawState.CURRENT,
            Exchange.state == ExchangeState.MATCHED,
            Draw.drawn_at > now() - timedelta(days=25),
            ~exists().where(
                letter.participant_id == Match.giver_id, letter.kind.in_(["match", "recipient-changed"])
            ),
        )
    )
    for participant_id in db.session.scalars(lonely):
        yield f"participant {participant_id} has a match and no letter about it"


def settled_letters_say_when() -> Iterator[str]:
    """A letter that is settled has its instant; nobody holds one for long after the lease."""
    settled = Letter.state.in_([LetterState.SENT, *UNDELIVERED, LetterState.DISCARDED])
    for letter_id in db.session.scalars(select(Letter.id).where(settled != Letter.settled_at.is_not(None))):
        yield f"letter {letter_id}"
    stuck = (Letter.state == LetterState.SENDING) & (Letter.lease_until < now() - _PATIENCE)
    for letter_id in db.session.scalars(select(Letter.id).where(stuck)):
        yield f"letter {letter_id} is being sent by nobody"


def reminders_belong_to_matched_exchanges() -> Iterator[str]:
    """Only matched exchanges have planned reminders, and none is long overdue.

    Those that came due before a restore are made up for by whoever leads first.
    """
    is_anybody_late = not _is_untouched_since_restored()
    planned = select(Reminder.id, Exchange.state, Reminder.due_at).join(
        Exchange, Exchange.id == Reminder.exchange_id
    )
    for reminder_id, state, due_at in db.session.execute(
        planned.where(Reminder.state == ReminderState.PLANNED)
    ):
        if state != ExchangeState.MATCHED:
            yield f"reminder {reminder_id} is planned in an exchange that is {state}"
        elif is_anybody_late and due_at < now() - _PATIENCE:
            yield f"reminder {reminder_id} was due at {due_at.isoformat()} and nothing came of it"


def _is_untouched_since_restored() -> bool:
    """Whether the rows came from a backup or another database, and nobody has led the clock since."""
    came = select(func.max(AuditEntry.at)).where(AuditEntry.action.in_([RESTORED, COPIED]))
    came_at, ticked_at = db.session.scalar(came), health.leader().ticked_at
    return came_at is not None and (ticked_at is None or ticked_at < came_at)


def armed_reminders_have_their_job() -> Iterator[str]:
    """While a process leads, each planned reminder that is marked as armed has its job in the store."""
    if not health.leader().is_ticking:
        return
    stored = set(db.session.scalars(select(job_store_table.c.id)))
    armed = select(Reminder.id, Reminder.exchange_id, Reminder.days_before).where(
        Reminder.state == ReminderState.PLANNED,
        Reminder.armed_for == Reminder.due_at,
        Reminder.due_at > now(),
    )
    for reminder_id, exchange_id, days_before in db.session.execute(armed):
        if WORKS[REMINDER.id].job_id(exchange_id, days_before) not in stored:
            yield f"reminder {reminder_id} has no job"


def nothing_runs_without_a_lease() -> Iterator[str]:
    """A running execution has somebody who runs it."""
    stuck = (JobExecution.state == ExecutionState.RUNNING) & (JobExecution.lease_until < now() - _PATIENCE)
    for execution_id, job_id in db.session.execute(select(JobExecution.id, JobExecution.job_id).where(stuck)):
        yield f"execution {execution_id} of {job_id}"


def no_slot_ran_twice() -> Iterator[str]:
    """A slot of a job has one execution, even if somebody took the constraint away."""
    slots = select(JobExecution.job_id, JobExecution.slot).group_by(JobExecution.job_id, JobExecution.slot)
    for job_id, slot in db.session.execute(slots.having(func.count() > 1)):
        yield f"{job_id} at {slot.isoformat()}"


CHECKS: tuple[Check, ...] = (
    the_schema_is_at_head,
    the_file_is_sound,
    every_seal_has_its_key,
    matched_means_one_current_draw,
    every_draw_is_valid,
    every_match_was_written_about,
    settled_letters_say_when,
    reminders_belong_to_matched_exchanges,
    armed_reminders_have_their_job,
    nothing_runs_without_a_lease,
    no_slot_ran_twice,
)


def findings() -> Iterator[Finding]:
    """Every broken promise in the database of the running app; later checks need the schema of the first."""
    for check in CHECKS:
        promise = check.__name__.replace("_", " ")
        broken = [Finding(promise, where) for where in _tried(check)]
        yield from broken
        if broken and check is the_schema_is_at_head:
            return


def _tried(check: Check) -> Iterator[str]:
    """What a check finds; a damaged file ends it, and no other one."""
    try:
        yield from check()
    except DatabaseError as error:
        db.session.remove()
        if type(error) is not DatabaseError:
            raise
        yield f"the database cannot be read: {error.orig}"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def check(_app: Flask, as_json: bool) -> None:
    """Verify every promise about the data; exit code 1 if one does not hold."""
    found = list(findings())
    if as_json:
        click.echo(
            json.dumps({"checks": len(CHECKS), "findings": [asdict(finding) for finding in found]}, indent=1)
        )
    elif found:
        for finding in found:
            click.echo(f"broken: {finding.promise}: {finding.where}")
    else:
        click.echo(f"All {len(CHECKS)} checks hold.")
    if found:
        raise SystemExit(1)
