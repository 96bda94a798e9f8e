"""The end of many exchanges: completed and erased in batches, against one by one through mapped objects."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from bench.harness import Parts, Row, at_least, at_most, seconds
from bench.instance import instance, postgres_url
from sneaky import conversations
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.exchanges import lifecycle, retention
from sneaky.matches import seals
from sneaky.models import (
    CompletedReason,
    Conversation,
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    Match,
    Message,
    MessageAuthor,
    Organizer,
    Participant,
    ParticipantState,
    Reminder,
    WishListItem,
)
from sneaky.outbox import queue
from tests.postgres import PostgresMissing

COMPLETED = 100_000
COMPLETED_AT_ONCE = 4_000
NAIVELY_COMPLETED = 1_500
ROUNDS = 3
ERASED = 50
NAIVELY_ERASED = 5
PEOPLE = 30


def _completing_on_sqlite() -> Iterator[Row]:
    with instance():
        yield from _completing("SQLite")


def _completing_on_postgresql() -> Iterator[Row]:
    """No row where no PostgreSQL is installed."""
    with suppress(PostgresMissing), postgres_url() as url, instance(url):
        yield from _completing("PostgreSQL")


def _completing(database: str) -> Iterator[Row]:
    organizer = _an_organizer()
    naive, single, double = math.inf, math.inf, math.inf
    for _ in range(ROUNDS):
        naive = min(naive, _completing_takes(organizer, NAIVELY_COMPLETED, _complete_one_by_one))
        single = min(single, _completing_takes(organizer, COMPLETED, _complete_in_batches))
        double = min(double, _completing_takes(organizer, 2 * COMPLETED, _complete_in_batches))
    yield at_least(
        100,
        naive / NAIVELY_COMPLETED * COMPLETED / single,
        metric=f"auto-complete 100k exchanges, {database}",
        against="one session and commit per row",
        note=f"{single:.2f} s",
    )
    yield at_most(2.3, double / single, metric=f"auto-complete 200k, {database}", against="100k")


def _completing_takes(organizer: int, number: int, complete: Callable[[], None]) -> float:
    """Seconds to complete so many exchanges in a table that holds no others."""
    _exchanges(organizer, number)
    taken = seconds(complete)
    is_sqlite = db.engine.dialect.name == "sqlite"
    with transaction() as session:
        session.execute(text("DELETE FROM exchange" if is_sqlite else "TRUNCATE exchange CASCADE"))
    return taken


def _complete_in_batches() -> None:
    while lifecycle.complete_due(now(), COMPLETED_AT_ONCE) == COMPLETED_AT_ONCE:
        pass


def _complete_one_by_one() -> None:
    """The straightforward way: load what is due, then a session and a commit for each."""
    due = select(Exchange.id).where(Exchange.state == ExchangeState.MATCHED, Exchange.event_at <= now())
    ids = db.session.scalars(due).all()
    db.session.rollback()
    for exchange_id in ids:
        with Session(db.engine) as session:
            exchange = session.get_one(Exchange, exchange_id)
            exchange.state, exchange.completed_reason = ExchangeState.COMPLETED, CompletedReason.DATE_PASSED
            exchange.completed_at = now()
            for reminder in session.scalars(select(Reminder).where(Reminder.exchange_id == exchange_id)):
                session.delete(reminder)
            session.commit()


def _erasing() -> Iterator[Row]:
    with instance():
        yield from _erased_by(_an_organizer())


def _erased_by(organizer: int) -> Iterator[Row]:
    naive, own = math.inf, math.inf
    for _ in range(ROUNDS):
        _full_exchanges(organizer, NAIVELY_ERASED)
        naive = min(naive, seconds(_erase_by_orm) / NAIVELY_ERASED)
        _full_exchanges(organizer, ERASED)
        own = min(own, seconds(_erase_in_batches) / ERASED)
    waits: list[float] = []
    _full_exchanges(organizer, ERASED)
    with _a_writer(waits):
        _erase_in_batches()
    yield at_least(
        20,
        naive / own,
        metric="purge, per exchange of 30",
        against="ORM cascade",
        note=f"{own * 1000:.2f} ms each",
    )
    yield at_most(
        50,
        max(waits) * 1000,
        metric="longest wait of a writer during purge",
        against="absolute",
        unit=" ms",
        note=f"{len(waits)} writes",
    )


def _erase_in_batches() -> None:
    while retention.purge_due(now(), retention.AT_ONCE) == retention.AT_ONCE:
        pass


# What an ORM's cascade walks through, a query for the children of every single row.
_CHILDREN: dict[type[Any], list[tuple[type[Any], str]]] = {
    Exchange: [(Draw, "exchange_id"), (Reminder, "exchange_id"), (Participant, "exchange_id")],
    Draw: [(Match, "draw_id")],
    Match: [(Conversation, "match_id")],
    Conversation: [(Message, "conversation_id")],
    Participant: [(WishListItem, "participant_id"), (Letter, "participant_id")],
}


def _erase_by_orm() -> None:
    due = select(Exchange.id).where(Exchange.purge_warned_at.is_not(None))
    for exchange_id in db.session.scalars(due).all():
        with Session(db.engine) as session:
            _delete_with_children(session, session.get_one(Exchange, exchange_id))
            session.commit()
    db.session.rollback()


def _delete_with_children(session: Session, row: Any) -> None:
    for child, parent in _CHILDREN.get(type(row), []):
        for one in session.scalars(select(child).where(getattr(child, parent) == row.id)):
            _delete_with_children(session, one)
    session.delete(row)
    session.flush()


@contextmanager
def _a_writer(waits: list[float]) -> Iterator[None]:
    """Somebody on the web who writes one row every few milliseconds and notes how long each write took."""
    over = threading.Event()
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001

    def write() -> None:
        while not over.wait(0.005):
            start = time.perf_counter()
            with app.app_context(), transaction() as session:
                session.execute(update(Organizer).values(signed_in_at=now()))
            waits.append(time.perf_counter() - start)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join()


def _an_organizer() -> int:
    with transaction() as session:
        organizer = Organizer(name="Olga", email="olga@example.org", password_hash="!", created_at=now())  # noqa: S106
        session.add(organizer)
        session.flush()
        return organizer.id


def _exchanges(organizer_id: int, number: int, **values: Any) -> list[int]:
    """So many matched exchanges whose date has passed; their ids."""
    at = now() - timedelta(hours=1)
    row = {
        "organizer_id": organizer_id,
        "name": "Family Christmas",
        "event_local": at.replace(tzinfo=None),
        "zone": "UTC",
        "event_at": at,
        "state": ExchangeState.MATCHED,
        "created_at": at,
    }
    rows = [row | values | {"public_id": new_public_id()} for _ in range(number)]
    with transaction() as session:
        before = session.scalar(select(func.max(Exchange.id))) or 0
        session.execute(insert(Exchange), rows)
        return list(session.scalars(select(Exchange.id).where(Exchange.id > before)))


def _full_exchanges(organizer_id: int, number: int) -> None:
    """Exchanges of thirty people with matches, talks, wish lists and letters, due to be erased."""
    long_ago = now() - timedelta(days=40)
    ids = _exchanges(
        organizer_id,
        number,
        state=ExchangeState.COMPLETED,
        completed_at=long_ago,
        completed_reason=CompletedReason.DATE_PASSED,
        purge_warned_at=long_ago + timedelta(days=23),
    )
    for exchange_id in ids:
        _fill(exchange_id, long_ago)


def _fill(exchange_id: int, at: datetime) -> None:
    with transaction() as session:
        people = [
            Participant(
                exchange_id=exchange_id,
                name=f"Guest {number}",
                email=f"guest{number}@example.org",
                state=ParticipantState.ACTIVE,
                created_at=at,
            )
            for number in range(PEOPLE)
        ]
        draw = Draw(
            exchange_id=exchange_id,
            method="rejection",
            attempts=1,
            participant_count=PEOPLE,
            state=DrawState.CURRENT,
            drawn_at=at,
        )
        session.add_all([draw, *people])
        session.add_all(Reminder(exchange_id=exchange_id, days_before=day, due_at=at) for day in (7, 3, 1))
        session.flush()
        recipient_of = dict(zip(people, [*people[1:], people[0]], strict=True))
        seals.store(draw.id, {giver.id: other.id for giver, other in recipient_of.items()}, random.Random(1))
        conversations.open_for(draw.id, random.Random(1))
        for talk in session.scalars(select(Conversation.id).join(Match).where(Match.draw_id == draw.id)):
            session.add_all(
                Message(conversation_id=talk, author=author, body_sealed=b"x" * 200, sent_at=at)
                for author in MessageAuthor
            )
        for person in people:
            session.add_all(
                WishListItem(participant_id=person.id, title="Tea", note="green") for _ in range(3)
            )
        for prefix in ("match", "reminder-7", "reminder-3", "reminder-1"):
            queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix=f"{prefix}:{exchange_id}")


PARTS: Parts = {
    "complete-sqlite": _completing_on_sqlite,
    "complete-postgresql": _completing_on_postgresql,
    "purge": _erasing,
}
