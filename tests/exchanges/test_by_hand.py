"""What is done by hand, on both databases: letters, corrections, boxes of exclusions, typed names."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from sneaky.access import magic_links
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken, TooMany
from sneaky.draws import conduct, repair, reveal
from sneaky.exchanges import lifecycle, mailing, registration
from sneaky.exchanges.corrections import correct
from sneaky.exchanges.matrix import set_exclusions
from sneaky.exchanges.naming import person_called
from sneaky.exchanges.participants import change_email, set_preferences
from sneaky.letters import catalogue
from sneaky.models import (
    Exclusion,
    Letter,
    LetterKind,
    LetterState,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.outbox import queue
from tests.factories import a_participant, an_exchange, participants


def drawn(people: int = 5) -> tuple[int, list[int]]:
    exchange_id = an_exchange()
    in_the_hat = participants(exchange_id, people)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    return exchange_id, in_the_hat


def nudged() -> set[int | None]:
    return set(db.session.scalars(select(Letter.participant_id).where(Letter.kind == LetterKind.NUDGE)))


def public_ids(*people: int) -> list[str]:
    return [db.session.get_one(Participant, person).public_id for person in people]


def test_a_nudge_goes_to_those_who_could_open_and_did_not(any_app: Flask) -> None:
    exchange_id, people = drawn()
    reveal.reveal(people[0])
    repair.rescue(exchange_id, people[1], people[2:])
    assert mailing.nudge(exchange_id) == 3
    assert nudged() == set(people[2:])
    assert mailing.nudge(exchange_id) == 0
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        assert mailing.nudge(exchange_id) == 3


def test_nobody_is_nudged_without_a_match_or_after_the_end(any_app: Flask) -> None:
    exchange_id = an_exchange()
    with pytest.raises(RuleBroken, match="Draw the names first"):
        mailing.nudge(exchange_id)
    lifecycle.cancel(exchange_id)
    with pytest.raises(RuleBroken, match="over"):
        mailing.nudge(exchange_id)


def test_a_letter_that_waits_is_not_doubled(any_app: Flask) -> None:
    _exchange_id, people = drawn()
    mailing.send_again(people[0])
    to_them = select(Letter.kind).where(Letter.participant_id == people[0])
    assert db.session.scalars(to_them).all() == [LetterKind.MATCH]


def given_up(participant_id: int, kind: LetterKind) -> None:
    with transaction() as session:
        mine = (Letter.participant_id == participant_id, Letter.kind == kind)
        session.execute(update(Letter).where(*mine).values(state=LetterState.DEAD, settled_at=now()))


def waiting_for(participant_id: int) -> list[LetterKind]:
    mine = (Letter.participant_id == participant_id, Letter.state == LetterState.QUEUED)
    return list(db.session.scalars(select(Letter.kind).where(*mine)))


def test_a_letter_with_an_old_link_is_written_anew(any_app: Flask) -> None:
    exchange_id = an_exchange()
    registration.join(exchange_id, "Ann", "ann@example.org", ip="192.0.2.1")
    (ann,) = db.session.scalars(select(Participant.id))
    given_up(ann, LetterKind.CONFIRM_REGISTRATION)
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        mailing.send_again(ann)
        (letter,) = db.session.scalars(select(Letter).where(Letter.state == LetterState.QUEUED))
        assert letter.kind is LetterKind.CONFIRM_REGISTRATION
        assert catalogue.render(letter.id).subject


def test_a_dead_link_does_not_stand_for_the_letter_of_the_match(any_app: Flask) -> None:
    _exchange_id, people = drawn()
    ann = people[0]
    with transaction() as session:
        session.execute(update(Letter).values(state=LetterState.SENT, settled_at=now()))
    magic_links.ask(db.session.get_one(Participant, ann).email, ip="192.0.2.1", browser="x")
    given_up(ann, LetterKind.MAGIC_LINK)
    change_email(ann, "ann.lee@example.org")
    assert waiting_for(ann) == [LetterKind.MATCH]


@pytest.mark.parametrize("kind", [LetterKind.REMINDER, LetterKind.NEW_MESSAGE])
@pytest.mark.parametrize("is_readdressed", [True, False])
def test_what_they_do_not_want_any_more_does_not_stand_for_the_letter_of_the_match(
    any_app: Flask, kind: LetterKind, is_readdressed: bool
) -> None:
    exchange_id, people = drawn()
    ann = people[0]
    with transaction() as session:
        session.execute(update(Letter).values(state=LetterState.SENT, settled_at=now()))
        queue.put(kind, "ann@example.org", exchange_id=exchange_id, participant_id=ann)
    given_up(ann, kind)
    set_preferences(ann, wants_reminders=False, wants_notices=False, locale=None, zone=None)
    if is_readdressed:
        change_email(ann, "ann.lee@example.org")
    else:
        mailing.send_again(ann)
    assert waiting_for(ann) == [LetterKind.MATCH]


def test_nothing_is_sent_to_those_who_wait_or_have_left(app: Flask) -> None:
    exchange_id = an_exchange()
    with pytest.raises(RuleBroken, match="once the names are drawn"):
        mailing.send_again(a_participant(exchange_id))
    with pytest.raises(RuleBroken, match="withdrawn"):
        mailing.send_again(a_participant(exchange_id, state=ParticipantState.WITHDRAWN))
    assert db.session.scalars(select(Letter)).all() == []


def test_letters_to_one_address_are_bounded(app: Flask) -> None:
    _exchange_id, people = drawn()
    for _each in range(5):
        mailing.send_again(people[0])
    with pytest.raises(TooMany):
        mailing.send_again(people[0])


def test_every_given_up_letter_is_tried_anew(any_app: Flask) -> None:
    exchange_id, _people = drawn()
    with transaction() as session:
        session.execute(update(Letter).values(state=LetterState.DEAD))
    assert mailing.retry_undelivered(an_exchange()) == 0
    assert mailing.retry_undelivered(exchange_id) == 5


def test_a_link_that_was_handed_out_opens_the_sealed_match(any_app: Flask) -> None:
    _exchange_id, people = drawn()
    link = mailing.hand_out_link(people[0])
    view = magic_links.peek(link.rpartition("/")[2])
    assert (view.purpose, view.participant_id) == (TokenPurpose.MATCH, people[0])
    assert link != mailing.hand_out_link(people[0])


def test_no_link_for_those_who_do_not_take_part(app: Flask) -> None:
    person = a_participant(an_exchange(), state=ParticipantState.PENDING)
    with pytest.raises(RuleBroken, match="does not take part"):
        mailing.hand_out_link(person)


def test_corrections_are_all_or_nothing(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, name="Ann", email="ann@example.org")
    a_participant(exchange_id, email="bob@example.org")
    with pytest.raises(RuleBroken) as refused:
        correct(ann, name="Anna", email="bob@example.org", is_guarded=False, household="Attic")
    assert refused.value.field == "email"
    db.session.expire_all()
    assert db.session.get_one(Participant, ann).name == "Ann"
    correct(ann, name="Anna", email="bob@example.org", is_guarded=True, household="Attic")
    person = db.session.get_one(Participant, ann)
    assert (person.name, person.email, person.is_guarded) == ("Anna", "bob@example.org", True)
    correct(ann, name="Anna", email="anna@example.org", is_guarded=False, household=None)
    db.session.expire_all()
    assert not person.is_guarded
    assert person.household_id is not None


def test_boxes_replace_rules_among_the_people_shown(any_app: Flask) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 4)
    ann, bob, cem, dora = public_ids(*people)
    set_exclusions(exchange_id, [ann, bob, cem, dora], [(ann, bob), (ann, bob), (cem, cem), (dora, ann)])
    set_exclusions(exchange_id, [ann, bob, cem], [(bob, cem)])
    rows = db.session.execute(select(Exclusion.giver_id, Exclusion.recipient_id)).all()
    assert {tuple(row) for row in rows} == {(people[3], people[0]), (people[1], people[2])}


def test_boxes_take_no_strangers_and_nothing_after_the_draw(app: Flask) -> None:
    exchange_id, people = drawn()
    here = public_ids(*people)
    with pytest.raises(RuleBroken, match="already drawn"):
        set_exclusions(exchange_id, here, [])
    other = an_exchange()
    with pytest.raises(NotFound):
        set_exclusions(other, here, [])
    own = public_ids(a_participant(other))
    with pytest.raises(NotFound):
        set_exclusions(other, own, [(own[0], here[0])])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ann", "Ann"), ("ANN@example.org", "Ann"), (" anna ", "Anna"), ("beth", "Bethany Ann")],
)
def test_a_typed_name_means_one_person(any_app: Flask, typed: str, meant: str) -> None:
    exchange_id = an_exchange()
    for name in ("Ann", "Anna", "Bethany Ann"):
        a_participant(exchange_id, name=name, email=f"{name.split()[0].lower()}@example.org")
    found = person_called(exchange_id, typed, field="giver")
    assert db.session.get_one(Participant, found).name == meant


@pytest.mark.parametrize(
    ("typed", "complaint"), [("an", "Several"), ("Zoe", "Nobody here"), ("%", "Nobody here")]
)
def test_a_typed_name_that_means_nobody_or_several_is_refused(app: Flask, typed: str, complaint: str) -> None:
    exchange_id = an_exchange()
    for name in ("Ann", "Anna"):
        a_participant(exchange_id, name=name)
    a_participant(an_exchange(), name="Zoe")
    with pytest.raises(RuleBroken, match=complaint) as refused:
        person_called(exchange_id, typed, field="giver")
    assert refused.value.field == "giver"
