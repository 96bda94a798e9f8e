"""Letters that are no longer true when their turn comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.letters import catalogue
from sneaky.letters.sources import WITH_MATCH_LINK
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    MagicToken,
    Participant,
    ParticipantState,
)
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.message import LetterObsolete
from tests.factories import a_participant
from tests.letters.mail import PURPOSES, TO_PARTICIPANTS, a_matched_exchange, change, queued, token_row

OPEN = {"state": ExchangeState.REGISTRATION_OPEN}
CANCELLED = {
    "state": ExchangeState.COMPLETED,
    "completed_at": now(),
    "completed_reason": CompletedReason.CANCELLED,
}
OVER = CANCELLED | {"completed_reason": CompletedReason.DATE_PASSED}
PAST = {"event_at": now() - timedelta(minutes=1)}

K = LetterKind
ABOUT_THE_DRAW = {K.MATCH, K.RECIPIENT_CHANGED, K.SECOND_GIFT, K.REMINDER, K.WISH_LIST_CHANGED}


def is_sent(letter_id: int) -> bool:
    try:
        catalogue.render(letter_id)
    except LetterObsolete:
        return False
    return True


def test_who_has_withdrawn_gets_no_letter(app: Flask) -> None:
    ids = {kind: queued(kind) for kind in TO_PARTICIPANTS}
    for participant_id in db.session.scalars(select(Participant.id)).all():
        change(Participant, participant_id, state=ParticipantState.WITHDRAWN)
    assert [kind for kind, letter_id in ids.items() if is_sent(letter_id)] == []


@pytest.mark.parametrize(
    ("values", "dropped"),
    [
        ({"wants_reminders": False}, {K.REMINDER, K.NUDGE}),
        ({"wants_notices": False}, {K.WISH_LIST_CHANGED, K.NEW_MESSAGE}),
    ],
)
def test_preferences_hold_until_the_last_moment(
    app: Flask, values: dict[str, bool], dropped: set[LetterKind]
) -> None:
    ids = {kind: queued(kind) for kind in TO_PARTICIPANTS}
    for participant_id in db.session.scalars(select(Participant.id)).all():
        change(Participant, participant_id, **values)
    assert {kind for kind, letter_id in ids.items() if not is_sent(letter_id)} == dropped


@pytest.mark.parametrize(
    ("values", "dropped"),
    [
        (OPEN, {*ABOUT_THE_DRAW, K.NEW_MESSAGE}),
        (CANCELLED, {*ABOUT_THE_DRAW, K.NEW_MESSAGE, K.NUDGE, K.EXCHANGE_CHANGED}),
        (OVER, {*ABOUT_THE_DRAW, K.NUDGE, K.EXCHANGE_CHANGED}),
        (PAST, {K.REMINDER, K.NUDGE, K.EXCHANGE_CHANGED}),
        ({"has_reminders": False}, {K.REMINDER}),
    ],
    ids=["undone", "cancelled", "over", "past", "no reminders"],
)
def test_letters_follow_their_exchange(app: Flask, values: dict[str, Any], dropped: set[LetterKind]) -> None:
    ids = {kind: queued(kind) for kind in TO_PARTICIPANTS}
    for exchange_id in db.session.scalars(select(Exchange.id)).all():
        change(Exchange, exchange_id, **values)
    assert {kind for kind, letter_id in ids.items() if not is_sent(letter_id)} == dropped


def test_of_two_reminders_that_did_not_arrive_only_the_later_is_sent_again(app: Flask) -> None:
    ann = a_participant(a_matched_exchange())
    event_at = db.session.scalars(select(Exchange.event_at)).one()
    letter_ids = []
    for days in (7, 3):
        with time_machine.travel(event_at - timedelta(days=days), tick=False):
            letter_ids.append(queued(K.REMINDER, ann, facts={"days_before": days}))
            assert is_sent(letter_ids[-1])
            change(Letter, letter_ids[-1], state=LetterState.DEAD)
    with time_machine.travel(event_at - timedelta(days=2), tick=False):
        queue.readdress(ann, "ann.lee@example.org")
        assert [is_sent(letter_id) for letter_id in letter_ids] == [False, True]
        change(Letter, letter_ids[1], state=LetterState.DISCARDED)
        assert is_sent(letter_ids[0])


def test_extended_exchange_is_not_warned_about(app: Flask) -> None:
    letter_id = queued(K.PURGE_WARNING)
    assert is_sent(letter_id)
    exchange_id = db.session.scalars(select(Exchange.id)).one()
    change(Exchange, exchange_id, state=ExchangeState.MATCHED, completed_at=None, completed_reason=None)
    assert not is_sent(letter_id)


@pytest.mark.parametrize("column", ["used_at", "revoked_at", "expires_at"])
def test_link_that_no_longer_works_is_not_sent(app: Flask, column: str) -> None:
    for kind in PURPOSES:
        letter_id = queued(kind)
        change(MagicToken, token_row(letter_id).id, **{column: now()})
        assert not is_sent(letter_id), kind


def test_letter_whose_link_was_forgotten_is_not_sent(app: Flask) -> None:
    letter_id = queued(K.MAGIC_LINK)
    with transaction() as session:
        session.delete(session.get_one(MagicToken, token_row(letter_id).id))
    assert not is_sent(letter_id)


def test_letter_that_names_nobody_is_not_sent(app: Flask) -> None:
    for kind in WITH_MATCH_LINK:
        with transaction() as session:
            queue.put(kind, "ann@example.org", facts={"days_before": 1, "side": "giver", "changes": []})
            letter_id = session.scalars(select(Letter.id).order_by(Letter.id.desc()).limit(1)).one()
        assert not is_sent(letter_id), kind


def test_reason_stands_in_the_outbox(app: Flask) -> None:
    queued(K.REMINDER)
    change(Participant, db.session.scalars(select(Participant.id)).one(), wants_reminders=False)
    assert deliver(catalogue.render).discarded == 1
    (row,) = queue.page(LetterState.DISCARDED, 1).letters
    assert row.error == "They do not want reminders."
