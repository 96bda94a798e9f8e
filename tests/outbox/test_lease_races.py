"""Leases as properties: in any order of steps and in any race, one holder at a time, and only it settles."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.models import Letter, LetterKind, LetterState
from sneaky.outbox import leases, queue
from sneaky.outbox.leases import LEASE, MOST_TRIES, Lease, Settlement, take_over, turn
from tests.factories import an_exchange, participants
from tests.faults.processes import rounds
from tests.outbox.letters import letter, letters

SENDERS, PEOPLE = range(3), range(4)
CAN_BE_MENDED = {LetterState.QUEUED, LetterState.SENDING, LetterState.FAILED, LetterState.DEAD}
OUTCOMES = [LetterState.SENT, LetterState.FAILED, LetterState.DEAD, LetterState.DISCARDED]
WAITS = [timedelta(seconds=1), LEASE - timedelta(seconds=1), LEASE]

STEPS = st.one_of(
    st.tuples(st.just("lease"), st.sampled_from(SENDERS)),
    st.tuples(st.just("settle"), st.sampled_from(SENDERS), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("wait"), st.sampled_from(WAITS)),
    st.tuples(st.just("take_over")),
    st.tuples(st.just("mend_address"), st.sampled_from(PEOPLE)),
)


@dataclass
class Senders:
    """Several senders at one outbox; `holders` says by what right who has which letter, as it should be."""

    people: list[int]
    clock: time_machine.Traveller
    hands: dict[int, Lease] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)

    def lease(self, sender: int) -> None:
        """One takes the next letter, and forgets the one it may have in hand."""
        lease = turn(None, wants_next=True)
        if isinstance(lease, Lease):
            assert lease.letter_id not in self.holders, "somebody else has it"
            self.hands[sender], self.holders[lease.letter_id] = lease, lease.lease_id

    def settle(self, sender: int, outcome: LetterState) -> None:
        """One tells what became of its letter, which counts if the letter is still its own."""
        lease = self.hands.pop(sender, None)
        if lease is None:
            return
        before, words = stored(lease.letter_id), f"told by {lease.lease_id}"
        turn(Settlement(lease, outcome, words), wants_next=False)
        after = stored(lease.letter_id)
        if self.holders.get(lease.letter_id) != lease.lease_id:
            assert after == before, "it had lost the letter"
            return
        del self.holders[lease.letter_id]
        is_spent = outcome is LetterState.FAILED and lease.attempt >= MOST_TRIES
        assert (after["state"], after["error"]) == (LetterState.DEAD if is_spent else outcome, words)

    def wait(self, length: timedelta) -> None:
        """Time passes."""
        self.clock.shift(length)

    def take_over(self) -> None:
        """Somebody frees what has been held for too long, and nothing else."""
        late = [each for each in self.holders if stored(each)["lease_until"] <= now()]
        assert take_over() == len(late)
        for letter_id in late:
            del self.holders[letter_id]

    def mend_address(self, number: int) -> None:
        """An organizer mends somebody's address: whoever has a letter to the old one in hand loses it."""
        row = db.session.scalars(select(Letter).where(Letter.participant_id == self.people[number])).one()
        letter_id, can_be_mended = row.id, row.state in CAN_BE_MENDED
        email = f"mended{random.random()}@example.org"
        assert queue.readdress(self.people[number], email) == can_be_mended
        if can_be_mended:
            self.holders.pop(letter_id, None)

    def assert_agreed(self) -> None:
        """The database says the same about who has what."""
        db.session.rollback()
        held = select(Letter.id, Letter.lease_id).where(Letter.state == LetterState.SENDING)
        assert {row.id: row.lease_id for row in db.session.execute(held)} == self.holders
        assert set(db.session.scalars(select(Letter.id).where(Letter.lease_id.is_not(None)))) == set(
            self.holders
        )


def stored(letter_id: int) -> dict[str, Any]:
    """The whole row as it is now."""
    row = letter(letter_id)
    return {column.key: getattr(row, column.key) for column in Letter.__table__.columns}


@given(taken=st.lists(STEPS, max_size=40))
@settings(
    max_examples=rounds(15, 300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example empties the outbox itself
)
def test_in_any_order_only_the_holder_settles_a_letter(any_app: Flask, taken: list[tuple[Any, ...]]) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, len(PEOPLE))
    with transaction() as session:
        session.execute(delete(Letter))
        queue.put_for_participants(LetterKind.MAGIC_LINK, exchange_id, dedupe_prefix="one")
    with time_machine.travel(now(), tick=False) as clock:
        senders = Senders(people, clock)
        for step, *given_with in taken:
            getattr(senders, step)(*given_with)
            senders.assert_agreed()


def test_in_a_race_the_last_to_get_a_letter_settles_it(
    any_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", timedelta())  # it has run out as soon as anybody looks
    monkeypatch.setattr(leases, "MOST_TRIES", 1_000_000)
    ids = letters(rounds(20, 500), kind=LetterKind.MAGIC_LINK)
    ghost = turn(None, wants_next=True)
    assert isinstance(ghost, Lease)
    got: list[Lease] = [ghost]
    failures: list[BaseException] = []
    give_up_at = monotonic() + 120

    def send(rng: random.Random) -> None:
        with any_app.app_context():
            try:
                while queue.counts().sent < len(ids):
                    assert monotonic() < give_up_at
                    if rng.random() < 0.2:
                        take_over()
                    lease = turn(None, wants_next=True)
                    if isinstance(lease, Lease):
                        got.append(lease)
                        turn(Settlement(lease, LetterState.SENT, lease.lease_id), wants_next=False)
                    db.session.remove()
            except BaseException as error:  # noqa: BLE001  (told by the assertion below)
                failures.append(error)

    senders = [threading.Thread(target=send, args=(random.Random(number),)) for number in SENDERS]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    turn(Settlement(ghost, LetterState.DEAD, "550 no"), wants_next=False)
    assert failures == []
    last = {lease.letter_id: lease for lease in sorted(got, key=lambda lease: lease.attempt)}
    assert len({(lease.letter_id, lease.attempt) for lease in got}) == len(got), "two got one letter at once"
    assert {each: (letter(each).state, letter(each).attempts, letter(each).error) for each in ids} == {
        each: (LetterState.SENT, last[each].attempt, last[each].lease_id) for each in ids
    }
