"""What is over is warned of at day 23, erased at day 30, and then nothing of it is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, inspect, select, text

from sneaky import conversations, wishlists
from sneaky.core.clock import now
from sneaky.core.db import Base, db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import reveal
from sneaky.exchanges import exclusions, lifecycle, participants, retention
from sneaky.models import (
    AuditEntry,
    CompletedReason,
    Exchange,
    ExchangeState,
    Exclusion,
    Household,
    Letter,
    LetterKind,
    Message,
    MessageAuthor,
    Participant,
    TokenPurpose,
    WishListItem,
)
from sneaky.outbox import links
from tests import factories
from tests.draws import drawn

END = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
SECRETS = (
    "Quentin Quux",
    "quentin@quux.example",
    "Quuxmas",
    "Quux Castle",
    "Quuxhold",
    "quuxphone",
    "quuxtea",
)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(END, tick=False) as traveller:
        yield traveller


def completed(at: datetime = END, **values: object) -> int:
    fields: dict[str, object] = {
        "state": ExchangeState.COMPLETED,
        "completed_at": at,
        "completed_reason": CompletedReason.DATE_PASSED,
    }
    return factories.an_exchange(None, **(fields | values))


def warn(clock: time_machine.Traveller, at: datetime) -> int:
    clock.move_to(at)
    return retention.warn_due(at, 100)


def purge(clock: time_machine.Traveller, at: datetime) -> int:
    clock.move_to(at)
    return retention.purge_due(at, 100)


def left() -> int:
    return db.session.scalar(select(func.count()).select_from(Exchange)) or 0


def test_warned_at_day_23_and_erased_at_day_30(any_app: Flask, clock: time_machine.Traveller) -> None:
    exchange_id = completed()
    assert warn(clock, END + timedelta(days=22, hours=23)) == 0
    assert warn(clock, END + timedelta(days=23)) == 1
    assert warn(clock, END + timedelta(days=23)) == 0
    letter = db.session.scalars(select(Letter)).one()
    organizer = db.session.get_one(Exchange, exchange_id).organizer_id
    assert (letter.kind, letter.organizer_id) == (LetterKind.PURGE_WARNING, organizer)
    assert letter.facts == {"purge_on": "2027-01-31"}
    assert purge(clock, END + timedelta(days=29, hours=23)) == 0
    assert purge(clock, END + timedelta(days=30)) == 1
    assert left() == 0
    audit = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "exchange.erased")).one()
    assert (audit.exchange_id, audit.details) == (None, {"exchange": exchange_id})


def test_jitter_does_not_put_the_erasure_off(app: Flask, clock: time_machine.Traveller) -> None:
    completed()
    slot = END + timedelta(days=23)
    clock.move_to(slot + timedelta(seconds=40))
    assert retention.warn_due(slot, 10) == 1
    assert purge(clock, slot + timedelta(days=7)) == 1


def test_an_outage_puts_the_erasure_off_and_never_skips_the_warning(
    app: Flask, clock: time_machine.Traveller
) -> None:
    completed()
    assert purge(clock, END + timedelta(days=40)) == 0
    slot = END + timedelta(days=40)
    clock.move_to(slot + timedelta(hours=12))
    assert retention.warn_due(slot, 10) == 1
    assert db.session.scalars(select(Letter.facts)).all() == [{"purge_on": "2027-02-17"}]
    assert purge(clock, slot + timedelta(days=7)) == 0
    assert purge(clock, slot + timedelta(days=8)) == 1


def test_only_what_is_over_is_erased(app: Flask, clock: time_machine.Traveller) -> None:
    for state in list(ExchangeState)[:4]:
        factories.an_exchange(state=state, purge_warned_at=END)
    completed(purge_warned_at=None)
    assert purge(clock, END + timedelta(days=400)) == 0


def test_kept_longer_it_is_warned_of_anew(app: Flask, clock: time_machine.Traveller) -> None:
    exchange_id = completed()
    warn(clock, END + timedelta(days=23))
    retention.extend(exchange_id, 60)
    assert purge(clock, END + timedelta(days=31)) == 0
    assert warn(clock, END + timedelta(days=82)) == 0
    assert warn(clock, END + timedelta(days=83)) == 1
    letters = db.session.scalars(select(Letter.facts).order_by(Letter.id)).all()
    assert letters == [{"purge_on": "2027-01-31"}, {"purge_on": "2027-04-01"}]
    assert purge(clock, END + timedelta(days=89)) == 0
    assert purge(clock, END + timedelta(days=90)) == 1


def test_extending_twice_adds_up_and_counts_from_today_when_late(
    app: Flask, clock: time_machine.Traveller
) -> None:
    exchange_id = completed()
    for _ in range(2):
        retention.extend(exchange_id, 10)
    assert db.session.get_one(Exchange, exchange_id).kept_until == END + timedelta(days=50)
    late = completed(END - timedelta(days=90))
    retention.extend(late, 5)
    assert db.session.get_one(Exchange, late).kept_until == END + timedelta(days=5)


def test_extending_refuses(app: Flask, clock: time_machine.Traveller) -> None:
    exchange_id = completed()
    for days in (0, 366, -1):
        with pytest.raises(RuleBroken) as broken:
            retention.extend(exchange_id, days)
        assert broken.value.field == "days"
    with pytest.raises(RuleBroken, match="not over yet"):
        retention.extend(factories.an_exchange(), 7)
    with pytest.raises(NotFound):
        retention.extend(99, 7)


def test_limits_and_batches(
    app: Flask, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for _ in range(5):
        completed()
    at = END + timedelta(days=23)
    clock.move_to(at)
    assert [retention.warn_due(at, limit) for limit in (3, 9, 9)] == [3, 2, 0]
    at += timedelta(days=7)
    assert [retention.purge_due(at, limit) for limit in (4, 4, 4)] == [4, 1, 0]
    assert left() == 0


def test_erasing_now(app: Flask) -> None:
    retention.erase_now(completed())
    retention.erase_now(factories.an_exchange(state=ExchangeState.DRAFT))
    assert left() == 0
    for state in list(ExchangeState)[1:4]:
        with pytest.raises(RuleBroken, match="Cancel it first"):
            retention.erase_now(factories.an_exchange(state=state))
    with pytest.raises(NotFound):
        retention.erase_now(99)


def test_export_is_everything_but_who_gave_to_whom(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(4)
    reveal.reveal(people[0])
    exported = retention.export(exchange_id)
    assert [person["name"] for person in exported["participants"]] == sorted(
        db.session.scalars(select(Participant.name))
    )
    assert len(exported["reminders"]) == 3
    assert "recipient" not in str(exported)
    with pytest.raises(NotFound):
        retention.export(99)


def a_full_life() -> tuple[int, int]:
    """An exchange with a secret in every corner, cancelled; and another one that stays."""
    other, _people = drawn.a_drawn_exchange(3)
    exchange_id = factories.an_exchange(name="Quuxmas", place="Quux Castle", message="quuxtea at five")
    quentin = participants.add(exchange_id, "Quentin Quux", "quentin@quux.example", household="Quuxhold")
    others = factories.participants(exchange_id, 4)
    exclusions.exclude(exchange_id, quentin, others[0], is_mutual=True)
    wishlists.add(quentin, "quuxphone", note="quuxtea")
    participants.set_postal_address(quentin, "Quux Castle 1")
    drawn.draw(exchange_id)
    reveal.reveal(quentin)
    for side in MessageAuthor:
        conversations.write(quentin, side, "quuxtea?")
    with transaction():
        links.mint(
            TokenPurpose.MATCH,
            lifetime=timedelta(days=9),
            participant_id=quentin,
            exchange_id=exchange_id,
            email="quentin@quux.example",
        )
    lifecycle.cancel(exchange_id)
    return exchange_id, other


def rows_naming(exchange_id: int) -> dict[str, int]:
    """For each table that hangs on an exchange, how many rows are left of it."""
    counts = {}
    for name in inspect(db.engine).get_table_names():
        columns = {column["name"] for column in inspect(db.engine).get_columns(name)}
        if "exchange_id" in columns:
            query = text(f"SELECT count(*) FROM {name} WHERE exchange_id = {exchange_id}")  # noqa: S608
            counts[name] = db.session.scalar(query) or 0
    return counts


def test_nothing_is_left_in_any_table(any_app: Flask) -> None:
    exchange_id, other = a_full_life()
    retention.erase_now(exchange_id)
    assert set(rows_naming(exchange_id).values()) == {0}
    assert db.session.get(Exchange, other) is not None
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(select(table)):
            assert not any(secret in str(tuple(row)) for secret in SECRETS), table.name
    for emptied in (WishListItem, Household, Exclusion, Message):
        assert db.session.scalar(select(func.count()).select_from(emptied)) == 0


@pytest.mark.sqlite
def test_nothing_is_left_in_the_sqlite_file_or_its_log(app: Flask) -> None:
    file = Path(str(db.engine.url.database))
    exchange_id, _other = a_full_life()
    log = file.with_name(file.name + "-wal")
    assert any(secret.encode() in file.read_bytes() + log.read_bytes() for secret in SECRETS)
    retention.erase_now(exchange_id)
    assert log.stat().st_size == 0
    content = file.read_bytes()
    assert [secret for secret in SECRETS if secret.encode() in content] == []


@pytest.mark.sqlite
def test_scrubbing_waits_for_readers_and_gives_up_in_time(app: Flask) -> None:
    reader = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM exchange").fetchone()
    factories.an_exchange()
    assert retention.scrub(patience=0.2) is False
    reader.close()
    assert retention.scrub() is True


def test_scrubbing_is_not_needed_on_postgresql(any_app: Flask) -> None:
    assert retention.scrub() is True


@pytest.mark.sqlite
def test_other_people_write_while_readers_keep_the_log(app: Flask) -> None:
    reader = sqlite3.connect(str(db.engine.url.database), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM exchange").fetchone()
    factories.an_exchange()
    start = now()
    assert not retention._checkpointed()
    assert now() - start < timedelta(seconds=1)
    factories.an_exchange()
    reader.close()


@pytest.mark.sqlite
def test_scrubbing_that_fails_leaves_the_connection_its_patience(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = db.engine.raw_connection()
    driver: Any = raw.driver_connection
    driver.execute("BEGIN")
    driver.execute("SELECT count(*) FROM exchange").fetchall()
    monkeypatch.setattr(db.engine, "raw_connection", lambda: raw)
    with pytest.raises(sqlite3.OperationalError):  # as on a full disk
        retention.scrub()
    assert driver.execute("PRAGMA busy_timeout").fetchone() == (5000,)
