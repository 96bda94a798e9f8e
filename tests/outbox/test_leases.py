"""Leases: a letter belongs to one sender at a time, and to nobody's ghost."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from sneaky.core.db import db
from sneaky.models import LetterKind, LetterState
from sneaky.outbox import domains, leases
from sneaky.outbox.leases import LADDER, LEASE, MOST_TRIES, Lease, Settlement, Wait, take_over, turn
from tests.outbox.letters import a_letter, letter, letters, next_try, state

START = datetime(2026, 12, 1, 12, tzinfo=UTC)


def lease_one() -> Lease:
    lease = turn(None, wants_next=True)
    assert isinstance(lease, Lease)
    return lease


def test_lease_marks_the_letter_before_anything_is_sent(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        letter_id = a_letter("ann@example.org")
        lease = lease_one()
        row = letter(letter_id)
    assert (lease.letter_id, lease.to_email, lease.domain, lease.attempt) == (
        letter_id,
        "ann@example.org",
        "example.org",
        1,
    )
    assert (row.state, row.attempts, row.lease_id) == (LetterState.SENDING, 1, lease.lease_id)
    assert row.lease_until == START + LEASE


def test_empty_queue_has_nothing_to_lease(any_app: Flask) -> None:
    assert turn(None, wants_next=True) is None


def test_nothing_is_leased_unless_wanted(app: Flask) -> None:
    letter_id = a_letter()
    assert turn(None, wants_next=False) is None
    assert state(letter_id) is LetterState.QUEUED


def test_personal_letters_go_first_then_the_longest_due(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        kinds = [LetterKind.MATCH, LetterKind.RECIPIENT_CHANGED, LetterKind.MAGIC_LINK, LetterKind.REMINDER]
        for kind in kinds:
            a_letter(kind=kind)
            clock.shift(1)
        assert [lease_one().kind for _ in kinds] == [
            LetterKind.MAGIC_LINK,
            LetterKind.RECIPIENT_CHANGED,
            LetterKind.MATCH,
            LetterKind.REMINDER,
        ]


def test_one_turn_settles_and_leases(any_app: Flask) -> None:
    first, second = letters(2)
    after = turn(Settlement(lease_one(), LetterState.SENT, "250 OK"), wants_next=True)
    assert isinstance(after, Lease)
    assert after.letter_id == second
    row = letter(first)
    assert (row.state, row.error, row.lease_id, row.lease_until) == (LetterState.SENT, "250 OK", None, None)
    assert row.settled_at is not None


@pytest.mark.parametrize("attempt", range(1, MOST_TRIES))
def test_failures_climb_the_ladder(app: Flask, attempt: int) -> None:
    step = LADDER[attempt - 1]
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        for _ in range(attempt - 1):
            turn(Settlement(lease_one(), LetterState.FAILED, "451 later"), wants_next=False)
            clock.move_to(next_try(letter_id))
        at = START if attempt == 1 else next_try(letter_id)
        turn(Settlement(lease_one(), LetterState.FAILED, "451 later"), wants_next=False)
        wait = next_try(letter_id) - at
    assert step <= wait <= step * 1.1
    assert state(letter_id) is LetterState.FAILED


def test_tries_are_spread_by_chance(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        waits = []
        for letter_id in letters(5):
            failed = Settlement(lease_one(), LetterState.FAILED)
            turn(failed, wants_next=False, rng=random.Random(letter_id))
            waits.append(next_try(letter_id) - START)
    assert len(set(waits)) == 5


def test_last_try_ends_in_a_dead_letter(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        for _ in range(MOST_TRIES):
            turn(Settlement(lease_one(), LetterState.FAILED, "451 later"), wants_next=False)
            clock.shift(timedelta(days=1))
        row = letter(letter_id)
        assert (row.state, row.attempts, row.error) == (LetterState.DEAD, MOST_TRIES, "451 later")
        assert row.settled_at is not None
        assert turn(None, wants_next=True) is None


def test_server_may_ask_for_a_later_try(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        letter_id = a_letter()
        failed = Settlement(lease_one(), LetterState.FAILED, retry_after=timedelta(minutes=30))
        turn(failed, wants_next=False)
        assert next_try(letter_id) >= START + timedelta(minutes=30)


def test_letter_of_a_dead_sender_is_taken_over(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        lease_one()
        clock.shift(LEASE - timedelta(seconds=1))
        assert take_over() == 0
        clock.shift(1)
        assert take_over() == 1
        assert (state(letter_id), letter(letter_id).lease_id) == (LetterState.FAILED, None)
        assert lease_one().attempt == 2


def test_letter_that_kills_its_senders_dies(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        for _ in range(MOST_TRIES):
            lease_one()
            clock.shift(LEASE)
            take_over()
        row = letter(letter_id)
    assert row.state is LetterState.DEAD
    assert row.settled_at is not None
    assert "interrupted" in row.error


def test_letters_do_not_wait_for_an_instant_that_a_clock_set_back_put_far_ahead(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        failed, held, untried = letters(3)
        turn(Settlement(lease_one(), LetterState.FAILED, "451 later"), wants_next=False)
        lease_one()
        clock.shift(-timedelta(hours=3))
        take_over()
        assert lease_one().letter_id == untried
        clock.shift(LEASE)
        assert take_over() == 2
        assert lease_one().letter_id == held
        clock.shift(-timedelta(days=2))
        take_over()
        assert lease_one().letter_id == failed


@pytest.mark.parametrize("asked", [timedelta(), timedelta(days=1)])
def test_no_letter_is_tried_before_its_time(any_app: Flask, asked: timedelta) -> None:
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        for _ in LADDER:
            turn(Settlement(lease_one(), LetterState.FAILED, "451", retry_after=asked), wants_next=False)
            due = next_try(letter_id)
            take_over()
            assert next_try(letter_id) == due
            clock.move_to(due)


def test_thawed_sender_cannot_settle_what_it_lost(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        letter_id = a_letter()
        frozen = lease_one()
        clock.shift(LEASE)
        take_over()
        heir = lease_one()
        turn(Settlement(frozen, LetterState.DEAD, "550 no"), wants_next=False)
        assert (state(letter_id), letter(letter_id).lease_id) == (LetterState.SENDING, heir.lease_id)


def test_slow_domain_is_put_aside(any_app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        slow = letters(3, "slow_x.example")
        similar = a_letter("ann@slowyx.example")
        quick = a_letter("ann@example.org")
        settled = Settlement(lease_one(), LetterState.FAILED, "timed out", puts_aside=True)
        after = turn(settled, wants_next=True)
        assert isinstance(after, Lease)
        assert after.letter_id == similar
        assert lease_one().letter_id == quick
        assert turn(None, wants_next=True) is None
        assert {next_try(each) for each in slow} == {START + domains.ASIDE}
        clock.shift(domains.ASIDE)
        assert lease_one().letter_id in slow


def test_wait_tells_how_long_nothing_may_go(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        letters(2)
        away = Settlement(lease_one(), LetterState.FAILED, is_counted=False, pause=timedelta(seconds=9))
        assert turn(away, wants_next=True) == Wait(9.0)


@pytest.mark.sqlite
def test_next_letter_is_found_by_the_index(app: Flask) -> None:
    statement = leases._DUE.compile(db.engine, compile_kwargs={"render_postcompile": True})
    given = statement.construct_params({"least_urgent": 2, "at": "2026-12-01 12:00:00"})
    with db.engine.connect() as connection:
        arguments = tuple(given[name] for name in statement.positiontup or ())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", arguments).all()
    assert "ix_letter_waiting" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_parallel_senders_never_share_a_letter(any_app: Flask) -> None:
    number = 40
    letters(number)
    taken: list[int] = []
    failures: list[BaseException] = []

    def send() -> None:
        with any_app.app_context():
            try:
                step = turn(None, wants_next=True)
                while isinstance(step, Lease):
                    taken.append(step.letter_id)
                    step = turn(Settlement(step, LetterState.SENT), wants_next=True)
            except BaseException as error:  # noqa: BLE001  (told by the assertion below)
                failures.append(error)

    senders = [threading.Thread(target=send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert failures == []
    assert len(taken) == number
    assert max(Counter(taken).values()) == 1
