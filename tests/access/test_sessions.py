"""Sessions as rows: whose they are, how long they live, how they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select

from sneaky.access import sessions
from sneaky.core.db import db, transaction
from sneaky.models import Organizer, SessionRow
from tests.factories import a_participant, an_exchange, an_organizer

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600, 86_400


def rows() -> list[SessionRow]:
    db.session.expire_all()
    return list(db.session.scalars(select(SessionRow)))


def is_alive(cookie: str) -> bool:
    return sessions.load(cookie) is not None


def test_a_session_knows_its_organizer_and_its_data(any_app: Flask) -> None:
    organizer_id = an_organizer(name="Olga", email="olga@example.org", is_admin=True, locale="de")
    started = sessions.rotate(None, organizer_id=organizer_id, data={"a": [1, "b"]})
    found = sessions.load(started.cookie)
    assert found is not None
    assert found.organizer is not None
    assert (found.organizer.id, found.organizer.name, found.organizer.is_admin) == (
        organizer_id,
        "Olga",
        True,
    )
    assert found.organizer.locale == "de"
    assert found.participant is None
    assert found.data == {"a": [1, "b"]}


def test_a_session_knows_its_participant(any_app: Flask) -> None:
    exchange_id = an_exchange()
    participant_id = a_participant(exchange_id, name="Ann", zone="Asia/Tokyo")
    found = sessions.load(sessions.rotate(None, participant_id=participant_id, data={}).cookie)
    assert found is not None
    assert found.organizer is None
    assert found.participant is not None
    assert (found.participant.id, found.participant.exchange_id) == (participant_id, exchange_id)
    assert (found.participant.name, found.participant.zone) == ("Ann", "Asia/Tokyo")


def test_the_cookie_is_chance_and_only_its_hash_is_stored(app: Flask) -> None:
    cookie = sessions.rotate(None, organizer_id=an_organizer(), data={}).cookie
    (row,) = rows()
    assert len(cookie) >= 43
    assert cookie not in (row.id, str(row.data))
    assert sessions.load(row.id) is None


@pytest.mark.parametrize("cookie", ["", "x", "0" * 43])
def test_a_made_up_cookie_is_nobody(app: Flask, cookie: str) -> None:
    sessions.rotate(None, organizer_id=an_organizer(), data={})
    assert sessions.load(cookie) is None


def test_signing_in_changes_the_cookie_and_ends_the_old_one(any_app: Flask) -> None:
    organizer_id = an_organizer()
    old = sessions.rotate(None, organizer_id=organizer_id, data={"kept": "no"}).cookie
    new = sessions.rotate(old, organizer_id=organizer_id, data={}).cookie
    assert new != old
    assert not is_alive(old)
    found = sessions.load(new)
    assert found is not None
    assert found.data == {}


@pytest.mark.parametrize(
    ("who", "idle", "absolute"), [("organizer", 12 * HOUR, 7 * DAY), ("participant", 14 * DAY, 90 * DAY)]
)
def test_a_session_ends_unused_and_at_most(app: Flask, who: str, idle: int, absolute: int) -> None:
    person = (
        {"organizer_id": an_organizer()}
        if who == "organizer"
        else {"participant_id": a_participant(an_exchange())}
    )
    with time_machine.travel(NOON, tick=False) as clock:
        unused = sessions.rotate(None, **person, data={}).cookie
        used = sessions.rotate(None, **person, data={})
        assert used.ends_at == NOON + timedelta(seconds=absolute)
        clock.shift(idle - 1)
        assert is_alive(unused)
        clock.shift(1)
        assert not is_alive(unused)

        clock.move_to(NOON)
        while clock_seconds() < absolute - idle / 2:
            found = sessions.load(used.cookie)
            assert found is not None, "used often enough to live"
            sessions.save(used.cookie, found, found.data)
            clock.shift(idle / 2)
        clock.move_to(NOON + timedelta(seconds=absolute - 1))
        assert is_alive(used.cookie)
        clock.shift(1)
        assert not is_alive(used.cookie)


def clock_seconds() -> float:
    return (datetime.now(UTC) - NOON).total_seconds()  # noqa: TID251


def test_an_organizer_who_takes_part_stays_both_under_the_stricter_limits(any_app: Flask) -> None:
    organizer_id, participant_id = an_organizer(), a_participant(an_exchange())
    with time_machine.travel(NOON, tick=False) as clock:
        first = sessions.rotate(None, organizer_id=organizer_id, data={})
        clock.shift(6 * HOUR)
        both = sessions.rotate(first.cookie, participant_id=participant_id, data={})
        found = sessions.load(both.cookie)
        assert found is not None
        assert found.organizer is not None
        assert found.participant is not None
        assert both.ends_at == first.ends_at, "a participant's link makes no organizer's session longer"
        clock.shift(12 * HOUR)
        assert not is_alive(both.cookie)


def test_a_participant_who_signs_in_as_organizer_gets_the_organizers_limits(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False):
        first = sessions.rotate(None, participant_id=a_participant(an_exchange()), data={})
        both = sessions.rotate(first.cookie, organizer_id=an_organizer(), data={})
        assert both.ends_at == NOON + timedelta(days=7)


def test_another_participant_takes_the_place_of_the_first(app: Flask) -> None:
    exchange_id = an_exchange()
    first, second = a_participant(exchange_id), a_participant(exchange_id)
    old = sessions.rotate(None, participant_id=first, data={})
    found = sessions.load(sessions.rotate(old.cookie, participant_id=second, data={}).cookie)
    assert found is not None
    assert found.participant is not None
    assert found.participant.id == second


def test_an_expired_session_hands_nothing_on(app: Flask) -> None:
    organizer_id, participant_id = an_organizer(), a_participant(an_exchange())
    with time_machine.travel(NOON, tick=False) as clock:
        old = sessions.rotate(None, organizer_id=organizer_id, data={})
        clock.shift(13 * HOUR)
        found = sessions.load(sessions.rotate(old.cookie, participant_id=participant_id, data={}).cookie)
    assert found is not None
    assert found.organizer is None


def test_use_is_due_to_be_noted_every_few_minutes(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        cookie = sessions.rotate(None, organizer_id=an_organizer(), data={}).cookie
        found = sessions.load(cookie)
        assert found is not None
        due = {}
        for seconds in (0, 299, 300, -299, -700):
            clock.move_to(NOON + timedelta(seconds=seconds))
            due[seconds] = found.is_due
        assert due == {0: False, 299: False, 300: True, -299: False, -700: True}, "also when it was set back"


def test_saving_does_not_bring_an_ended_session_back(any_app: Flask) -> None:
    cookie = sessions.rotate(None, organizer_id=an_organizer(), data={}).cookie
    found = sessions.load(cookie)
    assert found is not None
    sessions.end(cookie)
    sessions.save(cookie, found, {"a": 1})
    assert rows() == []


def test_ending_ends_one_and_ending_all_ends_every_device(any_app: Flask) -> None:
    olga, otto = an_organizer(), an_organizer()
    ann = a_participant(an_exchange(olga))
    first, second = (sessions.rotate(None, organizer_id=olga, data={}).cookie for _ in range(2))
    of_otto = sessions.rotate(None, organizer_id=otto, data={}).cookie
    of_ann = sessions.rotate(None, participant_id=ann, data={}).cookie
    sessions.end(first)
    assert [is_alive(cookie) for cookie in (first, second, of_otto, of_ann)] == [False, True, True, True]
    assert sessions.end_all(organizer_id=olga) == 1
    assert [is_alive(cookie) for cookie in (second, of_otto, of_ann)] == [False, True, True]
    assert sessions.end_all(participant_id=ann) == 1
    assert [is_alive(cookie) for cookie in (of_otto, of_ann)] == [True, False]
    assert sessions.end_all() == 0
    assert is_alive(of_otto)


def test_sessions_go_with_their_person(any_app: Flask) -> None:
    organizer_id = an_organizer()
    cookie = sessions.rotate(None, organizer_id=organizer_id, data={}).cookie
    with transaction() as session:
        session.execute(delete(Organizer).where(Organizer.id == organizer_id))
    assert not is_alive(cookie)
    assert rows() == []


def test_expired_sessions_are_deleted_in_portions(any_app: Flask) -> None:
    organizer_id = an_organizer()
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            sessions.rotate(None, organizer_id=organizer_id, data={})
        clock.shift(12 * HOUR)
        living = sessions.rotate(None, organizer_id=organizer_id, data={}).cookie
        assert sessions.delete_expired(2) == 2
        assert sessions.delete_expired(2) == 1
        assert sessions.delete_expired(2) == 0
        assert is_alive(living)
