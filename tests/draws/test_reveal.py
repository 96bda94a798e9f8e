"""Opening a match: once, by its giver alone, with everything that helps to choose a gift."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct, repair, reveal
from sneaky.exchanges import lifecycle, participants
from sneaky.matches import seals
from sneaky.models import AuditEntry, Exchange, LetterKind, Match, Participant
from sneaky.wishlists import add
from tests import factories
from tests.draws import drawn


def audited(action: str) -> int:
    return db.session.scalar(select(func.count()).where(AuditEntry.action == action)) or 0


def test_sealed_match_tells_no_name_and_opening_it_does(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(4)
    giver = people[0]
    recipient = drawn.pairs(exchange_id)[giver]
    add(recipient, "Tea", "https://example.org/tea", "green")
    participants.set_postal_address(recipient, "1 Main Street\nTown")
    assert reveal.sealed(giver) == reveal.SealedMatch(is_revealed=False, is_changed=False)
    assert reveal.revealed(giver) is None
    opened = reveal.reveal(giver)
    assert opened.recipient_name == db.session.get_one(Participant, recipient).name
    assert [item.title for item in opened.wish_list] == ["Tea"]
    assert opened.postal_address == "1 Main Street\nTown"
    assert reveal.revealed(giver) == opened
    assert reveal.sealed(giver) == reveal.SealedMatch(is_revealed=True, is_changed=False)


def test_first_opening_is_remembered_and_audited_once(any_app: Flask) -> None:
    _exchange_id, people = drawn.a_drawn_exchange(3)
    threads = [threading.Thread(target=_open, args=(any_app, people[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audited("match.revealed") == 1
    first = db.session.scalar(select(Match.revealed_at).where(Match.giver_id == people[0]))
    reveal.reveal(people[0])
    db.session.expire_all()
    assert db.session.scalar(select(Match.revealed_at).where(Match.giver_id == people[0])) == first


def _open(app: Flask, participant_id: int) -> None:
    with app.app_context():
        reveal.reveal(participant_id)


def test_without_a_draw_there_is_nothing_to_open(app: Flask) -> None:
    (person,) = factories.participants(factories.an_exchange(), 1)
    assert reveal.sealed(person) is None
    assert reveal.revealed(person) is None
    for act in (reveal.reveal, lambda one: reveal.mark_gift(one, "sent", True)):
        with pytest.raises(RuleBroken):
            act(person)
    with pytest.raises(RuleBroken, match="Nobody gives to you yet"):
        reveal.mark_gift(person, "received", True)
    with pytest.raises(NotFound):
        reveal.acknowledge(person)


def test_opened_match_outlives_an_undone_draw_by_nothing(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    conduct.undo_draw(exchange_id)
    assert reveal.sealed(people[0]) is None


def test_changed_match_waits_for_acknowledgement(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    with pytest.raises(RuleBroken, match="once more"):
        reveal.acknowledge(people[0])
    assert reveal.reveal(people[0]).is_changed
    reveal.acknowledge(people[0])
    acknowledged = select(Match.acknowledged_at).where(Match.giver_id == people[0])
    first = db.session.scalar(acknowledged)
    reveal.acknowledge(people[0])
    assert db.session.scalar(acknowledged) == first
    assert reveal.reveal(people[0]).is_changed is False


def test_marks_are_set_and_taken_back(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    giver, recipient = people[0], drawn.pairs(exchange_id)[people[0]]
    with pytest.raises(RuleBroken, match="Open your match first"):
        reveal.mark_gift(giver, "has_gift", True)
    reveal.reveal(giver)
    for is_on in (True, False):
        reveal.mark_gift(giver, "has_gift", is_on)
        reveal.mark_gift(giver, "sent", is_on)
        reveal.mark_gift(recipient, "received", is_on)
        match = reveal.revealed(giver)
        assert match is not None
        assert (match.has_gift, match.is_sent, match.is_received) == (is_on,) * 3
    with pytest.raises(ValueError, match="no mark wrapped"):
        reveal.mark_gift(giver, "wrapped", True)


def test_what_arrived_in_an_earlier_draw_has_not_arrived_in_the_next(any_app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    for person in people:
        reveal.mark_gift(person, "received", True)
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    assert not any(reveal.reveal(person).is_received for person in people)


def test_erased_recipient_takes_the_match_along(any_app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    erased = people[-1]
    giver = next(giver for giver, recipient in drawn.pairs(exchange_id).items() if recipient == erased)
    reveal.reveal(giver)
    lifecycle.cancel(exchange_id)
    participants.erase(erased)
    factories.a_participant(factories.an_exchange())  # SQLite gives the highest id that went once more
    assert reveal.revealed(giver) is None
    assert participants.export(giver)["gives_to"] is None
    with pytest.raises(RuleBroken, match="no match for you"):
        reveal.reveal(giver)


def test_a_recipient_who_is_gone_all_the_same_leaves_a_plain_word(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(3)
    recipient = drawn.pairs(exchange_id)[people[0]]
    with transaction() as session:
        session.execute(delete(Participant).where(Participant.id == recipient))
    with pytest.raises(NotFound, match="erased"):
        reveal.reveal(people[0])


class TestBreakingTheGlass:
    def test_shows_every_pair_logs_each_time_and_tells_everybody_once(self, app: Flask) -> None:
        exchange_id, people = drawn.a_drawn_exchange(4)
        organizer = db.session.get_one(Exchange, exchange_id).organizer_id
        names = {person: db.session.get_one(Participant, person).name for person in people}
        expected = {(names[giver], names[recipient]) for giver, recipient in drawn.pairs(exchange_id).items()}
        for times in (1, 2):
            shown = reveal.break_glass(exchange_id, organizer)
            assert {(pair.giver, pair.recipient) for pair in shown} == expected
            assert [pair.giver for pair in shown] == sorted(names.values())
            assert audited("matches.revealed") == times
        assert drawn.addressees(LetterKind.MATCHES_REVEALED) == people

    def test_only_by_the_owner_and_after_a_draw(self, app: Flask) -> None:
        exchange_id, _people = drawn.a_drawn_exchange(3)
        with pytest.raises(NotFound):
            reveal.break_glass(exchange_id, factories.an_organizer())
        organizer = db.session.get_one(Exchange, exchange_id).organizer_id
        conduct.undo_draw(exchange_id)
        with pytest.raises(RuleBroken, match="Draw the names first"):
            reveal.break_glass(exchange_id, organizer)
        assert audited("matches.revealed") == 0


def test_a_match_mended_at_the_very_moment_of_opening_opens_anew(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    stale = seals.match_of_giver(people[0])
    repair.apply(exchange_id, repair.Repair(swapping=(people[0],)))
    answers = [stale]
    fresh = seals.match_of_giver
    monkeypatch.setattr(seals, "match_of_giver", lambda one: answers.pop() if answers else fresh(one))
    opened = reveal.reveal(people[0])
    recipient = drawn.pairs(exchange_id)[people[0]]
    assert opened.recipient_name == db.session.get_one(Participant, recipient).name
    assert reveal.sealed(people[0]) == reveal.SealedMatch(is_revealed=True, is_changed=True)
