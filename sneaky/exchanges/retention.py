"""Keeps what is over for thirty days, warns, and erases it so that nothing is left."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Delete, Select, delete, or_, select
from sqlalchemy.orm import Session

from sneaky.access import audit
from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import exclusions
from sneaky.exchanges.rows import held_exchange
from sneaky.models import (
    Exchange,
    ExchangeState,
    Household,
    LetterKind,
    Organizer,
    Participant,
    Reminder,
)
from sneaky.outbox import queue

logger = logging.getLogger(__name__)

WARNED_AFTER = timedelta(days=23)
ERASED_AFTER = timedelta(days=30)
WARNING_LEAD = timedelta(days=7)
MOST_DAYS_LONGER = 365
AT_ONCE = 50
PEOPLE_AT_ONCE = 300
# A run that starts within this of its slot is on time: the warning is then dated with the slot, so that
# seconds of jitter do not put the erasure off by a day.
_ON_TIME = timedelta(hours=1)
_LONGEST_TURN = 0.02  # seconds in which others may write between two steps of an erasure


def warn_due(slot: datetime, limit: int) -> int:
    """Warn the organizers of up to `limit` exchanges that are over for 23 days; returns how many.

    One that is kept longer is warned of seven days before. `slot` is the instant the run is for.
    """
    return _in_batches(limit, lambda number: _warn(slot, number))


def purge_due(slot: datetime, limit: int) -> int:
    """Erase up to `limit` exchanges that are over for 30 days and warned of 7 days ago; returns how many.

    So an outage puts the erasure off and never skips the warning. Once none is left, `scrub` clears what the
    write-ahead log may still hold, also from an earlier run.
    """
    erased = _in_batches(limit, lambda number: _purge(slot, number))
    if erased < limit:
        scrub()
    return erased


def extend(exchange_id: int, days: int) -> None:
    """Keep an exchange `days` longer than it would be; a new warning comes seven days before the end.

    Raises `RuleBroken` (field `days`) for a wrong number, or while the exchange is not over.
    """
    if not 1 <= days <= MOST_DAYS_LONGER:
        raise RuleBroken("Please choose between 1 and %(most)d days.", most=MOST_DAYS_LONGER, field="days")
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        if exchange.completed_at is None:
            raise RuleBroken("This exchange is not over yet; it is kept anyway.")
        exchange.kept_until = max(_erased_on(exchange, now()), now()) + timedelta(days=days)
        exchange.purge_warned_at = None
        audit.note("exchange.kept", organizer_id=exchange.organizer_id, exchange_id=exchange_id, days=days)


def erase_now(exchange_id: int) -> None:
    """Erase an exchange that is over, or still a draft, at once. Raises `RuleBroken` for another."""

    def over_or_draft(session: Session) -> list[int]:
        exchange = held_exchange(session, exchange_id)
        if exchange.state not in {ExchangeState.COMPLETED, ExchangeState.DRAFT}:
            raise RuleBroken("People take part in this exchange. Cancel it first, so that everybody is told.")
        return [exchange.id]

    _erase(over_or_draft)
    scrub()


def export(exchange_id: int) -> dict[str, Any]:
    """A last copy of an exchange for its organizer, as plain JSON data: everything but who gave to whom.

    Wish lists, postal addresses and messages are not the organizer's to see. Raises `NotFound`.
    """
    exchange = db.session.get(Exchange, exchange_id)
    if exchange is None:
        raise NotFound
    people = db.session.execute(
        select(Participant.name, Participant.email, Participant.state, Household.name.label("household"))
        .outerjoin(Household, Household.id == Participant.household_id)
        .where(Participant.exchange_id == exchange_id)
        .order_by(Participant.name, Participant.id)
    )
    reminders = db.session.execute(
        select(Reminder.days_before, Reminder.due_at, Reminder.state, Reminder.reason, Reminder.queued_count)
        .where(Reminder.exchange_id == exchange_id)
        .order_by(Reminder.due_at)
    )
    return {
        "name": exchange.name,
        "date": exchange.event_local.isoformat(),
        "zone": exchange.zone,
        "place": exchange.place,
        "message": exchange.message,
        "budget": None if exchange.budget is None else str(exchange.budget),
        "currency": exchange.currency,
        "state": exchange.state.value,
        "completed_reason": exchange.completed_reason and exchange.completed_reason.value,
        "participants": [dict(row) | {"state": row["state"].value} for row in people.mappings()],
        "exclusions": [
            {"giver": row.giver_name, "recipient": row.recipient_name, "is_mutual": row.is_mutual}
            for row in exclusions.listed(exchange_id)
        ],
        "reminders": [
            dict(row) | {"state": row["state"].value, "due_at": row["due_at"].isoformat()}
            for row in reminders.mappings()
        ],
    }


def scrub(*, patience: float = 5.0) -> bool:
    """Clear what an erasure leaves in SQLite's write-ahead log.

    Tries for `patience` seconds, since readers may hold the log; returns False where they held on, and the
    next erasure tries again. The database file itself is overwritten as rows go (`secure_delete`). On
    PostgreSQL there is nothing to do.
    """
    if db.engine.dialect.name != "sqlite":
        return True
    db.session.remove()
    give_up_at = monotonic() + patience
    while not _checkpointed():
        if monotonic() >= give_up_at:
            logger.warning("readers keep the write-ahead log busy; it will be cleared later")
            return False
        time.sleep(0.05)
    return True


def _checkpointed() -> bool:
    """Write the log back and cut it to nothing; outside of any transaction, where alone that works.

    It does not wait by itself: waiting for readers, SQLite would keep writers out all the while.
    """
    raw = db.engine.raw_connection()
    cursor = raw.cursor()
    try:
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout=0")
        try:
            is_busy, _pages, _moved = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:  # a full disk may speak up here, and the next who gets this connection waits its turn again
            cursor.execute(f"PRAGMA busy_timeout={int(patience)}")
    finally:
        raw.close()
    return not is_busy


def _in_batches(limit: int, step: Callable[[int], int]) -> int:
    done = 0
    while done < limit:
        wanted = min(AT_ONCE, limit - done)
        number = step(wanted)
        done += number
        if number < wanted:
            break
    return done


def _warn(slot: datetime, number: int) -> int:
    at = now()
    warned_at = slot if abs(at - slot) < _ON_TIME else at
    due = (
        Exchange.completed_at <= slot - WARNED_AFTER,
        Exchange.purge_warned_at.is_(None),
        or_(Exchange.kept_until.is_(None), Exchange.kept_until <= slot + WARNING_LEAD),
    )
    with transaction() as session:
        warned = session.scalars(
            select(Exchange).where(Exchange.id.in_(_over(number, *due))).order_by(Exchange.id)
        ).all()
        organizers = select(Organizer.id, Organizer.email).where(
            Organizer.id.in_({exchange.organizer_id for exchange in warned})
        )
        emails = {row.id: row.email for row in session.execute(organizers)}
        for exchange in warned:
            exchange.purge_warned_at = warned_at
            purge_on = max(_erased_on(exchange, warned_at), warned_at + WARNING_LEAD).date().isoformat()
            queue.put(
                LetterKind.PURGE_WARNING,
                emails[exchange.organizer_id],
                organizer_id=exchange.organizer_id,
                exchange_id=exchange.id,
                facts={"purge_on": purge_on},
                dedupe_key=f"purge-warning:{exchange.id}:{purge_on}",
            )
        return len(warned)


def _purge(slot: datetime, number: int) -> int:
    due = (
        Exchange.completed_at <= slot - ERASED_AFTER,
        Exchange.purge_warned_at <= slot - WARNING_LEAD,
        or_(Exchange.kept_until.is_(None), Exchange.kept_until <= slot),
    )
    return _erase(lambda session: list(session.scalars(_over(number, *due))))


def _over(number: int, *due: ColumnElement[bool]) -> Select[int]:
    """The next completed exchanges to which `due` applies; on PostgreSQL rows that others hold wait."""
    return (
        select(Exchange.id)
        .where(Exchange.state == ExchangeState.COMPLETED, *due)
        .order_by(Exchange.completed_at, Exchange.id)
        .limit(number)
        .with_for_update(skip_locked=True)
    )


def _erase(choose: Callable[[Session], list[int]]) -> int:
    """Delete exchanges and all that hangs on them, by the database's own cascade; returns how many.

    People go first, a few in each transaction, and who else wants to write has a turn in between: one of ten
    thousand must not stop the others for seconds. So `choose` is asked in each transaction anew; whatever
    interrupts this, the next run takes it up.
    """
    logged: set[int] = set()
    while True:
        start = monotonic()
        with transaction() as session:
            chosen = choose(session)
            for exchange_id in set(chosen) - logged:
                logger.info("erasing exchange %s", exchange_id)
            logged.update(chosen)
            crowd = session.scalars(
                select(Participant.id).where(Participant.exchange_id.in_(chosen)).limit(PEOPLE_AT_ONCE)
            ).all()
            if not crowd:
                return _erase_emptied(session, chosen)
            session.execute(_quietly(delete(Participant).where(Participant.id.in_(crowd))))
        time.sleep(min((monotonic() - start) / 2, _LONGEST_TURN))


def _erase_emptied(session: Session, exchange_ids: list[int]) -> int:
    for exchange_id in exchange_ids:
        audit.note("exchange.erased", exchange=exchange_id)
    session.execute(_quietly(delete(Exchange).where(Exchange.id.in_(exchange_ids))))
    return len(exchange_ids)


def _quietly(statement: Delete) -> Delete:
    """A delete that does not look through the rows this session happens to hold."""
    return statement.execution_options(synchronize_session=False)


def _erased_on(exchange: Exchange, at: datetime) -> datetime:
    """When an exchange that is over is erased at the earliest."""
    return max((exchange.completed_at or at) + ERASED_AFTER, exchange.kept_until or at)
