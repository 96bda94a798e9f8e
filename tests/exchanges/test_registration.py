"""Joining by the link is always answered the same; the letter tells the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky import wishlists
from sneaky.access import magic_links
from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken, TooMany
from sneaky.exchanges import households, lifecycle, participants
from sneaky.models import (
    ExchangeState,
    Household,
    Letter,
    LetterKind,
    Participant,
    ParticipantState,
    WishListItem,
)
from sneaky.outbox import links
from tests import factories

IP = "192.0.2.7"


def letters() -> list[LetterKind]:
    return list(db.session.scalars(select(Letter.kind).order_by(Letter.id)))


def token_of_last_letter() -> str:
    token_id = db.session.scalars(select(Letter.token_id).order_by(Letter.id.desc())).first()
    return links.token_of(token_id or 0) or ""


def people() -> list[Participant]:
    return list(db.session.scalars(select(Participant)))


def test_somebody_joins_and_confirms_by_letter(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    participants.join(
        exchange_id, " Ann ", "ANN@example.org", ip=IP, household_name="Miller", ideas="Tea\n\n A book \n"
    )
    (ann,) = people()
    assert (ann.name, ann.email, ann.state) == ("Ann", "ann@example.org", ParticipantState.PENDING)
    assert [item.title for item in wishlists.items(ann.id)] == ["Tea", "A book"]
    assert [home.name for home in households.listed(exchange_id)] == ["Miller"]
    assert letters() == [LetterKind.CONFIRM_REGISTRATION]
    magic_links.redeem(token_of_last_letter())
    (ann,) = people()
    assert ann.state is ParticipantState.ACTIVE


def test_whoever_joined_already_gets_a_letter_that_says_so(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id, name="Ann", email="ann@example.org")
    participants.join(exchange_id, "Somebody", "ann@example.org", ip=IP, household_name="New", ideas="Gold")
    assert letters() == [LetterKind.ALREADY_JOINED]
    assert [person.name for person in people()] == ["Ann"]
    assert wishlists.items(ann) == []
    assert db.session.scalars(select(Household)).all() == []
    assert magic_links.redeem(token_of_last_letter()).participant_id == ann


def test_who_tries_again_before_confirming_corrects_what_was_typed(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    participants.join(exchange_id, "An", "ann@example.org", ip=IP, ideas="Tea")
    participants.join(exchange_id, "Ann", "ann@example.org", ip=IP, ideas="Milk")
    (ann,) = people()
    assert ann.name == "Ann"
    assert [item.title for item in wishlists.items(ann.id)] == ["Tea"]
    assert letters() == [LetterKind.CONFIRM_REGISTRATION] * 2


def test_who_withdrew_may_come_back(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.a_participant(exchange_id, email="ann@example.org", state=ParticipantState.WITHDRAWN)
    participants.join(exchange_id, "Ann", "ann@example.org", ip=IP)
    assert [person.state for person in people()] == [ParticipantState.PENDING]


def test_a_guardians_address_does_not_keep_the_guardian_out(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.a_participant(exchange_id, email="pat@example.org", is_guarded=True)
    participants.join(exchange_id, "Pat", "pat@example.org", ip=IP)
    assert letters() == [LetterKind.CONFIRM_REGISTRATION]
    assert len(people()) == 2


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 121}),
        ("email", {"email": "nonsense"}),
        ("household_name", {"household_name": "x" * 121}),
        ("ideas", {"ideas": "x" * 4001}),
        ("ideas", {"ideas": "x" * 201}),
        ("ideas", {"ideas": "tea\n" * 51}),
    ],
)
def test_bad_input_is_refused_and_nothing_is_stored(app: Flask, field: str, values: dict[str, str]) -> None:
    given = {"name": "Ann", "email": "ann@example.org"} | values
    with pytest.raises(RuleBroken) as broken:
        participants.join(factories.an_exchange(), ip=IP, **given)
    assert broken.value.field == field
    for table in (Participant, Letter, Household, WishListItem):
        assert db.session.scalars(select(table)).all() == []


@pytest.mark.parametrize("state", [state for state in ExchangeState if state is not ExchangeState.COMPLETED])
def test_only_while_registration_is_open(app: Flask, state: ExchangeState) -> None:
    exchange_id = factories.an_exchange(state=state)
    if state is ExchangeState.REGISTRATION_OPEN:
        participants.join(exchange_id, "Ann", "ann@example.org", ip=IP)
        lifecycle.cancel(exchange_id)
    with pytest.raises(RuleBroken, match="ask the organizer"):
        participants.join(exchange_id, "Bob", "bob@example.org", ip=IP)


def test_not_after_the_deadline(app: Flask) -> None:
    exchange_id = factories.an_exchange(registration_ends_at=now() - timedelta(seconds=1))
    with pytest.raises(RuleBroken, match="closed"):
        participants.join(exchange_id, "Ann", "ann@example.org", ip=IP)


def test_unknown_exchange(app: Flask) -> None:
    with pytest.raises(NotFound):
        participants.join(99, "Ann", "ann@example.org", ip=IP)


def test_letters_to_one_address_are_limited_known_or_not(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    factories.a_participant(exchange_id, email="ann@example.org")
    for email in ("ann@example.org", "bob@example.org"):
        for _ in range(5):
            participants.join(exchange_id, "Somebody", email, ip=IP)
        with pytest.raises(TooMany):
            participants.join(exchange_id, "Somebody", email, ip=IP)
    assert len(letters()) == 10
