"""Complaints: who marks a letter as unwanted gets what they need and nothing more, until they ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.exchanges import complaints, copying, name_lists, participants
from sneaky.letters import catalogue
from sneaky.models import AuditEntry, ExchangeState, Letter, LetterKind, LetterState, Participant
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.resend_events import Returned
from sneaky.outbox.transports.memory import MemoryTransport
from tests.factories import a_participant, an_exchange

ANN = "ann@example.org"
NONE, BOTH = (False, False), (True, True)


def person(participant_id: int) -> Participant:
    db.session.remove()
    return db.session.get_one(Participant, participant_id)


def wishes(participant_id: int) -> tuple[bool, bool]:
    """Whether reminders and notices go to somebody."""
    row = person(participant_id)
    return row.wants_reminders, row.wants_notices


def a_sent_letter(participant_id: int, kind: LetterKind = LetterKind.MATCH) -> str:
    """A letter to somebody that has been delivered; by which name the provider knows it."""
    row = person(participant_id)
    with transaction():
        queue.put(kind, row.email, exchange_id=row.exchange_id, participant_id=participant_id)
    line = MemoryTransport()
    assert deliver(catalogue.render, transport=line).sent == 1
    return line.keys[0]


def complain(participant_id: int) -> None:
    reference = a_sent_letter(participant_id)
    complaints.take_back(Returned(reference, "complained: the reader marked this letter", is_complaint=True))


def ann_in(state: ExchangeState = ExchangeState.MATCHED, **values: Any) -> int:
    return a_participant(an_exchange(state=state), email=ANN, **values)


def test_a_complaint_ends_reminders_and_notices_wherever_the_address_is(any_app: Flask) -> None:
    ann, elsewhere, bob = ann_in(), ann_in(ExchangeState.REGISTRATION_OPEN), a_participant(an_exchange())
    complain(ann)
    assert (wishes(ann), wishes(elsewhere), wishes(bob)) == (NONE, NONE, BOTH)
    assert person(ann).complained_at is not None
    assert person(elsewhere).complained_at == person(ann).complained_at
    trail = db.session.execute(select(AuditEntry.action, AuditEntry.exchange_id, AuditEntry.details)).all()
    assert sorted(trail, key=str) == [
        ("participant.complained", person(each).exchange_id, {"participant": each})
        for each in (ann, elsewhere)
    ]


def test_what_is_needed_to_take_part_still_comes(app: Flask) -> None:
    ann = ann_in()
    complain(ann)
    waiting = (LetterKind.MATCH, LetterKind.RECIPIENT_CHANGED, LetterKind.EXCHANGE_CHANGED)
    unwanted = (LetterKind.REMINDER, LetterKind.NUDGE, LetterKind.WISH_LIST_CHANGED, LetterKind.NEW_MESSAGE)
    facts, exchange_id = {"days_before": 3, "changes": ["date"], "side": "giver"}, person(ann).exchange_id
    with transaction():
        for kind in (*waiting, *unwanted):
            queue.put(kind, ANN, exchange_id=exchange_id, participant_id=ann, facts=facts)
    counts = deliver(catalogue.render, transport=MemoryTransport())
    assert (counts.sent, counts.discarded) == (len(waiting), len(unwanted))
    sent = db.session.scalars(select(Letter.kind).where(Letter.state == LetterState.SENT))
    assert set(sent) == set(waiting)


def test_a_letter_that_came_back_otherwise_changes_no_choice(app: Flask) -> None:
    ann = ann_in()
    complaints.take_back(Returned(a_sent_letter(ann), "550 5.1.1 User unknown", is_complaint=False))
    assert (wishes(ann), person(ann).complained_at) == (BOTH, None)
    assert queue.counts().bounced == 1


def test_a_complaint_counts_once_however_often_it_is_told(app: Flask) -> None:
    ann = ann_in()
    complaint = Returned(a_sent_letter(ann), "complained", is_complaint=True)
    complaints.take_back(complaint)
    complained_at = person(ann).complained_at
    complaints.take_back(complaint)
    assert person(ann).complained_at == complained_at
    assert len(db.session.scalars(select(AuditEntry)).all()) == 1


def test_a_complaint_about_a_letter_that_is_not_ours_silences_nobody(app: Flask) -> None:
    ann = ann_in()
    reference = a_sent_letter(ann)
    forged = reference[:-1] + ("0" if reference[-1] != "0" else "1")
    complaints.take_back(Returned(forged, "complained", is_complaint=True))
    assert wishes(ann) == BOTH


def test_a_complaint_about_a_letter_that_had_come_back_already_counts(app: Flask) -> None:
    ann = ann_in()
    reference = a_sent_letter(ann)
    complaints.take_back(Returned(reference, "550 5.1.1 User unknown", is_complaint=False))
    complaints.take_back(Returned(reference, "complained", is_complaint=True))
    assert wishes(ann) == NONE
    assert db.session.scalars(select(Letter.error)).first() == "550 5.1.1 User unknown"


def _add(exchange_id: int) -> None:
    participants.add(exchange_id, "Ann", ANN)


def _add_many(exchange_id: int) -> None:
    assert name_lists.add_lines(exchange_id, f"Ann, {ANN}\nBob, bob@example.org", field="lines") == 2


def _join(exchange_id: int) -> None:
    participants.join(exchange_id, "Ann", ANN, ip="192.0.2.1")


@pytest.mark.parametrize("come", [_add, _add_many, _join], ids=["added", "listed", "joined"])
def test_a_newcomer_whose_address_complained_begins_without_reminders(app: Flask, come: Any) -> None:
    ann = ann_in()
    complain(ann)
    exchange_id = an_exchange()
    come(exchange_id)
    rows = db.session.execute(
        select(
            Participant.email,
            Participant.wants_reminders,
            Participant.wants_notices,
            Participant.complained_at,
        ).where(Participant.exchange_id == exchange_id)
    ).all()
    assert (ANN, *NONE, person(ann).complained_at) in rows
    assert [row for row in rows if row.email != ANN] == (
        [("bob@example.org", *BOTH, None)] if come is _add_many else []
    )


def test_next_years_exchange_remembers(app: Flask) -> None:
    ann = ann_in()
    complain(ann)
    later = copying.copy(person(ann).exchange_id)
    copied = db.session.scalars(select(Participant).where(Participant.exchange_id == later)).one()
    assert copied.complained_at == person(ann).complained_at


def test_who_asks_for_letters_again_is_forgiven_everywhere(any_app: Flask) -> None:
    ann, elsewhere = ann_in(), ann_in()
    complain(ann)
    participants.set_preferences(ann, wants_reminders=False, wants_notices=False, locale="de", zone=None)
    assert person(ann).complained_at is not None
    participants.set_preferences(ann, wants_reminders=True, wants_notices=False, locale="de", zone=None)
    assert (wishes(ann), wishes(elsewhere)) == ((True, False), NONE)
    assert (person(ann).complained_at, person(elsewhere).complained_at) == (None, None)
    newcomer = participants.add(an_exchange(), "Ann", ANN)
    assert wishes(newcomer) == BOTH


def test_a_complaint_stays_with_the_address_that_it_came_from(any_app: Flask) -> None:
    ann = ann_in()
    complain(ann)
    participants.change_email(ann, "ann.smith@example.org")
    assert wishes(ann) == BOTH, "a stranger complained, at an address that was wrong"
    assert person(ann).complained_at is None
    newcomer = participants.add(an_exchange(), "Ann", "ann.smith@example.org")
    assert wishes(newcomer) == BOTH


def test_an_address_that_has_complained_is_left_alone_by_whomever_it_gets_mail_for(any_app: Flask) -> None:
    ann, bob = ann_in(), a_participant(an_exchange(state=ExchangeState.MATCHED))
    complain(ann)
    participants.change_email(bob, ANN)
    assert wishes(bob) == NONE
    assert person(bob).complained_at == person(ann).complained_at


def test_what_somebody_chose_themselves_goes_along_to_a_new_address(any_app: Flask) -> None:
    ann = ann_in()
    participants.set_preferences(ann, wants_reminders=False, wants_notices=True, locale=None, zone=None)
    participants.change_email(ann, "ann.smith@example.org")
    assert wishes(ann) == (False, True)
