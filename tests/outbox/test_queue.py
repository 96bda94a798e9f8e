"""The queue: what is put in once, taken out, tried again and forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from sneaky.core.clock import now
from sneaky.core.db import db, set_nudge, transaction
from sneaky.models import Letter, LetterKind, LetterState, Participant, ParticipantState
from sneaky.outbox import overview, queue
from sneaky.outbox.leases import Lease, Settlement, turn
from tests.factories import a_participant, an_exchange, participants
from tests.outbox.letters import a_letter, letter, letters, next_try, state


def _set(letter_id: int, **values: object) -> None:
    with transaction() as session:
        session.execute(update(Letter).where(Letter.id == letter_id).values(**values))


def test_letter_is_put_only_inside_a_transaction(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        queue.put(LetterKind.TEST, "ann@example.org")


def test_letter_goes_the_way_of_the_fact_it_tells(any_app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        queue.put(LetterKind.TEST, "ann@example.org")
        raise ZeroDivisionError
    assert queue.counts().queued == 0


def test_dedupe_key_lets_one_letter_in(any_app: Flask) -> None:
    with transaction():
        assert queue.put(LetterKind.TEST, "ann@example.org", dedupe_key="once")
        assert not queue.put(LetterKind.TEST, "bob@example.org", dedupe_key="once")
        assert queue.put(LetterKind.TEST, "bob@example.org")
        assert queue.put(LetterKind.TEST, "bob@example.org")
    assert queue.counts().queued == 3


def test_only_new_letters_wake_the_sender(app: Flask) -> None:
    woken: list[str] = []
    set_nudge(app.extensions, woken.append)
    with transaction():
        queue.put(LetterKind.TEST, "ann@example.org", dedupe_key="once")
    assert woken == ["letters"]
    exchange_id = an_exchange()
    with transaction():
        queue.put(LetterKind.TEST, "ann@example.org", dedupe_key="once")
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="nobody")
    assert woken == ["letters"]


def test_everybody_who_takes_part_gets_one_letter(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann, bob = participants(exchange_id, 2)
    a_participant(exchange_id, state=ParticipantState.PENDING)
    a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
    participants(an_exchange(), 1)
    for expected in (2, 0):
        with transaction():
            number = queue.put_for_participants(
                LetterKind.REMINDER, exchange_id, dedupe_prefix="reminder:1", facts={"days_before": 3}
            )
        assert number == expected
    rows = db.session.scalars(select(Letter).order_by(Letter.id)).all()
    assert [row.participant_id for row in rows] == [ann, bob]
    assert {row.dedupe_key for row in rows} == {f"reminder:1:{ann}", f"reminder:1:{bob}"}
    assert all(row.facts == {"days_before": 3} and row.exchange_id == exchange_id for row in rows)
    assert all(row.kind is LetterKind.REMINDER and row.state is LetterState.QUEUED for row in rows)
    assert all(row.priority == 2 and row.created_at == row.next_try_at for row in rows)


def test_letters_to_many_can_be_narrowed(any_app: Flask) -> None:
    exchange_id = an_exchange()
    keen = a_participant(exchange_id)
    a_participant(exchange_id, wants_reminders=False)
    with transaction():
        number = queue.put_for_participants(
            LetterKind.REMINDER, exchange_id, only=[Participant.wants_reminders.is_(True)], dedupe_prefix="r"
        )
    assert number == 1
    assert db.session.scalars(select(Letter.participant_id)).all() == [keen]


def test_guardian_gets_a_letter_for_each_child(any_app: Flask) -> None:
    exchange_id = an_exchange()
    for name in ("Mia", "Max"):
        a_participant(exchange_id, name=name, email="guardian@example.org", is_guarded=True)
    with transaction():
        assert queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1") == 2


@pytest.mark.parametrize(
    ("kind", "priority"),
    [(LetterKind.MAGIC_LINK, 0), (LetterKind.RECIPIENT_CHANGED, 1), (LetterKind.REMINDER, 2)],
)
def test_priority_comes_from_the_kind(kind: LetterKind, priority: int) -> None:
    assert queue.priority_of(kind) == priority
    assert queue.is_bulk(kind) == (priority == 2)


def test_letter_may_wait_for_its_time(app: Flask) -> None:
    later = now() + timedelta(hours=2)
    with transaction():
        queue.put(LetterKind.TEST, "ann@example.org", not_before=later)
    assert db.session.scalars(select(Letter.next_try_at)).one() == later
    assert queue.counts().oldest_waiting_at is None


def test_retrying_sends_dead_letters_at_once(any_app: Flask) -> None:
    dead, other_dead, failed, sent = letters(4)
    for number in (dead, other_dead):
        _set(number, state=LetterState.DEAD, attempts=7, settled_at=now(), error="550 no")
    _set(failed, state=LetterState.FAILED, attempts=2, next_try_at=now() + timedelta(hours=1))
    _set(sent, state=LetterState.SENT, settled_at=now())
    assert queue.retry([dead, failed, sent]) == 2
    assert [state(number) for number in (dead, other_dead, failed, sent)] == [
        LetterState.QUEUED,
        LetterState.DEAD,
        LetterState.QUEUED,
        LetterState.SENT,
    ]
    assert letter(dead).attempts == 0
    assert letter(dead).settled_at is None
    assert next_try(failed) <= now()
    assert queue.retry(None) == 1
    assert state(other_dead) is LetterState.QUEUED


def test_discarding_takes_out_what_has_not_left(any_app: Flask) -> None:
    dead, other_dead, queued, sent = letters(4)
    for number in (dead, other_dead):
        _set(number, state=LetterState.DEAD, settled_at=now())
    _set(sent, state=LetterState.SENT, settled_at=now())
    assert queue.discard([dead, queued, sent]) == 2
    assert state(queued) is LetterState.DISCARDED
    assert state(sent) is LetterState.SENT
    assert state(other_dead) is LetterState.DEAD
    assert queue.discard(None) == 1
    assert letter(other_dead).settled_at is not None


def test_letters_of_an_undone_draw_are_called_back(any_app: Flask) -> None:
    exchange_id, other_id = an_exchange(), an_exchange()
    participants(exchange_id, 3)
    participants(other_id, 1)
    with transaction():
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
        queue.put_for_participants(LetterKind.NUDGE, exchange_id, dedupe_prefix="nudge:1")
        queue.put_for_participants(LetterKind.MATCH, other_id, dedupe_prefix="match:2")
    first = db.session.scalars(select(Letter.id).order_by(Letter.id)).first()
    assert first is not None
    _set(first, state=LetterState.SENT)
    assert queue.call_back(exchange_id, LetterKind.MATCH, LetterKind.REMINDER) == 2
    assert queue.counts().discarded == 2
    assert queue.counts().queued == 4


def test_mended_address_gets_what_has_not_arrived(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann, bob = participants(exchange_id, 2)
    with transaction():
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
        queue.put_for_participants(LetterKind.NUDGE, exchange_id, dedupe_prefix="nudge:1")
    dead, sent = db.session.scalars(select(Letter.id).where(Letter.participant_id == ann)).all()
    _set(dead, state=LetterState.DEAD, attempts=1, settled_at=now(), error="550 no")
    _set(sent, state=LetterState.SENT, settled_at=now())
    old = letter(sent).to_email
    assert queue.readdress(ann, "ann@elsewhere.example") == 1
    assert (state(dead), letter(dead).to_email) == (LetterState.QUEUED, "ann@elsewhere.example")
    assert letter(sent).to_email == old
    assert bob not in db.session.scalars(
        select(Letter.participant_id).where(Letter.to_email == "ann@elsewhere.example")
    )


def test_mended_address_gets_what_is_just_being_sent_to_the_old_one(any_app: Flask) -> None:
    exchange_id = an_exchange()
    (ann,) = participants(exchange_id, 1)
    with transaction():
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
    lease = turn(None, wants_next=True)
    assert isinstance(lease, Lease)
    assert queue.readdress(ann, lease.to_email) == 0  # it is on its way there
    assert queue.readdress(ann, "ann@elsewhere.example") == 1
    turn(Settlement(lease, LetterState.DEAD, "550 no"), wants_next=False)
    row = letter(lease.letter_id)
    assert (row.state, row.to_email, row.error) == (LetterState.QUEUED, "ann@elsewhere.example", "")


def test_settled_letters_are_forgotten_after_a_while(any_app: Flask) -> None:
    old, older, fresh, waiting = letters(4)
    _set(old, state=LetterState.SENT, settled_at=now() - timedelta(days=31))
    _set(older, state=LetterState.DEAD, settled_at=now() - timedelta(days=40))
    _set(fresh, state=LetterState.SENT, settled_at=now() - timedelta(days=29))
    cut = now() - timedelta(days=30)
    assert queue.prune(cut, 1) == 1
    assert {row.id for row in queue.page(None, 1).letters} == {old, fresh, waiting}
    assert queue.prune(cut, 10) == 1
    assert queue.prune(cut, 10) == 0


def test_counts_tell_how_the_outbox_stands(any_app: Flask) -> None:
    assert queue.counts() == queue.OutboxCounts(0, 0, 0, 0, 0, 0, 0, None)
    first, *_others = letters(3)
    a_letter(kind=LetterKind.TEST)
    _set(first, state=LetterState.FAILED, attempts=1, next_try_at=now() + timedelta(hours=1))
    counts = queue.counts()
    assert (counts.queued, counts.failed, counts.sent) == (3, 1, 0)
    assert counts.oldest_waiting_at == letter(first).created_at


def test_pages_show_the_newest_first_and_stay_in_range(app: Flask) -> None:
    exchange_id = an_exchange(name="Office")
    participants(exchange_id, overview.PAGE_SIZE + 5)
    with transaction():
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
        queue.put(LetterKind.TEST, "olga@example.org")
    first, last = queue.page(None, 1), queue.page(None, 99)
    size = overview.PAGE_SIZE
    assert (first.number, first.pages, first.total, len(first.letters)) == (1, 2, size + 6, size)
    assert (first.letters[0].kind, first.letters[0].exchange_name) == (LetterKind.TEST, None)
    assert (last.number, len(last.letters), last.letters[0].exchange_name) == (2, 6, "Office")
    nothing = queue.page(LetterState.DEAD, 0)
    assert (nothing.number, nothing.pages, nothing.letters) == (1, 1, [])
