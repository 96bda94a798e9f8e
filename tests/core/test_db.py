"""transaction(): all or nothing, one writer, no slipped-in changes; instants are UTC on every database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from sneaky.core.clock import monotonic, now
from sneaky.core.db import (
    db,
    engine_options,
    normalise_url,
    nudge,
    nudge_after_commit,
    pretence,
    set_nudge,
    transaction,
)
from sneaky.models import Exchange, Instance, Organizer, WishListItem
from tests.factories import an_exchange, an_organizer


def name_of(organizer_id: int) -> str:
    db.session.expire_all()
    return db.session.execute(select(Organizer.name).where(Organizer.id == organizer_id)).scalar_one()


def test_block_that_ends_is_kept(any_app: Flask) -> None:
    organizer = an_organizer(name="Before")
    with transaction() as session:
        session.get_one(Organizer, organizer).name = "After"
    assert name_of(organizer) == "After"


def test_block_that_raises_leaves_nothing(any_app: Flask) -> None:
    organizer = an_organizer(name="Before")
    with pytest.raises(ZeroDivisionError), transaction() as session:
        session.get_one(Organizer, organizer).name = "After"
        session.flush()
        raise ZeroDivisionError
    assert name_of(organizer) == "Before"


def test_nested_call_joins_the_outer_one(app: Flask) -> None:
    organizer = an_organizer(name="Before")
    with pytest.raises(ZeroDivisionError), transaction():
        with transaction() as session:
            session.get_one(Organizer, organizer).name = "Inner"
        raise ZeroDivisionError
    assert name_of(organizer) == "Before"


def test_changes_made_outside_are_refused(app: Flask) -> None:
    organizer = an_organizer()
    db.session.get_one(Organizer, organizer).name = "Slipped in"
    with pytest.raises(RuntimeError, match="outside of transaction"), transaction():
        pass
    db.session.rollback()


def test_rows_are_read_anew_inside(any_app: Flask) -> None:
    organizer = an_organizer(name="Old")
    row = db.session.get_one(Organizer, organizer)
    with db.engine.connect().execution_options(sneaky_writes=True) as other:
        db.session.rollback()
        other.execute(text("UPDATE organizer SET name = 'New' WHERE id = :id"), {"id": organizer})
        other.commit()
    with transaction():
        assert row.name == "New"


def test_read_modify_write_in_threads_loses_nothing(any_app: Flask) -> None:
    with transaction() as session:
        session.add(Instance(id=1, mail_held_reason="0"))

    def count_up() -> None:
        with any_app.app_context():
            for _ in range(25):
                with transaction() as session:
                    row = session.execute(select(Instance).with_for_update()).scalar_one()
                    row.mail_held_reason = str(int(row.mail_held_reason or 0) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert db.session.execute(select(Instance.mail_held_reason)).scalar_one() == "100"


def test_instants_come_back_aware_in_utc(any_app: Flask) -> None:
    noon_in_india = datetime(2026, 12, 24, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    exchange = an_exchange(created_at=noon_in_india)
    db.session.expire_all()
    created = db.session.execute(select(Exchange.created_at).where(Exchange.id == exchange)).scalar_one()
    assert created == noon_in_india
    assert created.tzinfo is UTC


def test_naive_instant_is_refused(app: Flask) -> None:
    with pytest.raises(StatementError, match="naive datetime"):
        an_exchange(created_at=datetime(2026, 12, 24))  # noqa: DTZ001


def test_foreign_keys_and_checks_hold(any_app: Flask) -> None:
    with pytest.raises(IntegrityError):
        an_exchange(organizer_id=999_999)
    with pytest.raises(IntegrityError):
        an_exchange(completed_at=now())


def test_an_error_tells_no_value_of_its_statement(any_app: Flask) -> None:
    """A wish, a name or a hash would stand in the log, and before admins who play along."""
    wish = {"public_id": "x", "title": "a red bicycle", "url": "", "note": ""}
    with pytest.raises(IntegrityError) as caught, transaction() as session:
        session.execute(insert(WishListItem).values(participant_id=99, **wish))
    assert "INSERT INTO wish_list_item" in str(caught.value)
    assert "red bicycle" not in str(caught.value)


def test_nudges_go_out_once_after_the_commit(app: Flask) -> None:
    heard: list[str] = []
    set_nudge(app.extensions, heard.append)
    with transaction():
        nudge_after_commit("letters")
        nudge_after_commit("letters")
        nudge_after_commit("schedule")
        assert heard == []
    assert heard == ["letters", "schedule"]


def test_nothing_is_nudged_after_a_rollback_or_by_nobody(app: Flask) -> None:
    heard: list[str] = []
    set_nudge(app.extensions, heard.append)
    with pytest.raises(ZeroDivisionError), transaction():
        nudge_after_commit("letters")
        raise ZeroDivisionError
    assert heard == []
    set_nudge(app.extensions, None)
    nudge("letters")


def test_a_pretence_does_its_work_and_leaves_nothing(any_app: Flask) -> None:
    organizer = an_organizer(name="Before")
    with transaction() as session:
        with pretence():
            session.get_one(Organizer, organizer).name = "Pretended"
            session.add(Organizer(name="New", email="new@example.org", password_hash="!", created_at=now()))
        session.get_one(Organizer, organizer).is_admin = True
    assert name_of(organizer) == "Before"
    assert db.session.scalars(select(Organizer.is_admin)).all() == [True]


def test_a_pretence_that_fails_says_so(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="open transaction"), pretence():
        pass
    with transaction(), pytest.raises(ZeroDivisionError), pretence():
        an_organizer()
        raise ZeroDivisionError
    assert db.session.scalars(select(Organizer)).all() == []


def test_urls_of_postgresql_mean_psycopg_3() -> None:
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert normalise_url(url) == "postgresql+psycopg://u@h/d"
    assert normalise_url("sqlite:///x.db") == "sqlite:///x.db"
    assert engine_options("postgresql+psycopg://u@h/d")["pool_pre_ping"] is True


def test_clock_is_utc_and_the_monotonic_one_never_goes_back() -> None:
    assert now().tzinfo is UTC
    assert monotonic() <= monotonic()
