"""A new link is asked for by address, or renewed from an old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from sneaky.access import magic_links, rate_limits
from sneaky.access.rate_limits import Rule
from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.errors import RuleBroken, TooMany
from sneaky.models import (
    ExchangeState,
    LetterKind,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from tests.access.linking import IP, a_link, ask
from tests.access.looking import letters, only_letter, state_of, stored_tokens, token_in
from tests.factories import a_participant, an_exchange

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_who_asks_gets_a_link_that_signs_in(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, email="ann@example.org")
    ask(" Ann@Example.ORG ")
    letter = only_letter(LetterKind.MAGIC_LINK)
    assert (letter.to_email, letter.participant_id, letter.exchange_id) == (
        "ann@example.org",
        ann,
        exchange_id,
    )
    redeemed = magic_links.redeem(token_in(letter))
    assert (redeemed.purpose, redeemed.participant_id) == (TokenPurpose.SIGN_IN, ann)
    assert (redeemed.exchange_id, redeemed.email) == (exchange_id, "ann@example.org")


def test_every_participation_gets_a_letter_of_its_own(ann: int) -> None:
    elsewhere = a_participant(an_exchange(), email="ann@example.org")
    child = a_participant(an_exchange(), email="ann@example.org", is_guarded=True)
    a_participant(an_exchange(), email="ann@example.com")
    ask()
    assert [letter.participant_id for letter in letters(LetterKind.MAGIC_LINK)] == [ann, elsewhere, child]


def test_one_exchange_can_be_asked_for(ann: int) -> None:
    exchange_id = an_exchange()
    elsewhere = a_participant(exchange_id, email="ann@example.org")
    ask(exchange_id=exchange_id)
    assert only_letter(LetterKind.MAGIC_LINK).participant_id == elsewhere


def test_an_unknown_address_leaves_nothing_behind(any_app: Flask) -> None:
    ask("nobody@example.org")
    assert letters() == []
    assert stored_tokens() == []


def test_who_has_not_confirmed_yet_gets_that_link_again(app: Flask) -> None:
    ann = a_participant(
        an_exchange(), email="ann@example.org", state=ParticipantState.PENDING, confirmed_at=None
    )
    ask()
    magic_links.redeem(token_in(only_letter(LetterKind.CONFIRM_REGISTRATION)))
    assert state_of(ann) is ParticipantState.ACTIVE


def test_who_came_too_late_for_the_draw_may_still_come_in(app: Flask) -> None:
    exchange_id = an_exchange(state=ExchangeState.MATCHED)
    ann = a_participant(
        exchange_id, email="ann@example.org", state=ParticipantState.PENDING, confirmed_at=None
    )
    ask()
    magic_links.redeem(token_in(only_letter(LetterKind.MAGIC_LINK)))
    assert state_of(ann) is ParticipantState.PENDING


def test_who_withdrew_may_come_in_to_be_erased(app: Flask) -> None:
    a_participant(
        an_exchange(), email="ann@example.org", state=ParticipantState.WITHDRAWN, withdrawn_at=now()
    )
    ask()
    only_letter(LetterKind.MAGIC_LINK)


def test_what_is_no_address_is_refused_beside_its_field(app: Flask) -> None:
    with pytest.raises(RuleBroken) as refused:
        ask("ann at example")
    assert refused.value.field == "email"


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
def test_an_address_is_written_to_five_times_an_hour_known_or_not(ann: int, email: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(5):
            ask(email, ip=f"192.0.2.{number}")
        with pytest.raises(TooMany):
            ask(email, ip="198.51.100.1")
        clock.shift(3600)
        ask(email, ip="198.51.100.1")


def test_a_network_asks_twenty_times_an_hour(app: Flask) -> None:
    for number in range(20):
        ask(f"x{number}@example.org", ip=f"2001:db8::{number}")
    with pytest.raises(TooMany):
        ask("ann@example.org", ip="2001:db8::ffff")
    ask("ann@example.org", ip="2001:db8:0:1::1")


def test_beyond_a_hundred_letters_an_hour_an_exchange_s_letters_wait_and_the_asker_never_notices(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "LETTERS_BY_EXCHANGE", Rule("letters-exchange", 2, timedelta(hours=1)))
    exchange_id = an_exchange()
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(3):
            a_participant(exchange_id, email=f"x{number}@example.org")
            ask(f"x{number}@example.org")
        a_participant(an_exchange(), email="ann@example.org")
        ask()
        hour = timedelta(hours=1)
        assert [letter.next_try_at - NOON for letter in letters()] == [hour * 0, hour * 0, hour, hour * 0]
        assert [token.expires_at - NOON for token in stored_tokens()][2] == hour + timedelta(minutes=15)
        clock.shift(hour)
        assert magic_links.redeem(token_in(letters()[2])).exchange_id == exchange_id


@pytest.mark.parametrize(
    "purpose", [TokenPurpose.SIGN_IN, TokenPurpose.MATCH, TokenPurpose.CONFIRM_REGISTRATION]
)
def test_an_old_link_is_renewed_to_the_same_address(ann: int, purpose: TokenPurpose) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        old = a_link(ann, purpose)
        clock.shift(3600)
        magic_links.renew(old, ip=IP)
        letter = only_letter(LetterKind.MAGIC_LINK)
        assert letter.to_email == "ann@example.org"
        assert magic_links.redeem(token_in(letter)).participant_id == ann


def test_a_late_confirmation_is_renewed_as_one(app: Flask) -> None:
    ann = a_participant(an_exchange(), state=ParticipantState.PENDING, confirmed_at=None)
    with time_machine.travel(NOON, tick=False) as clock:
        old = a_link(ann, TokenPurpose.CONFIRM_REGISTRATION)
        clock.shift(3600)
        magic_links.renew(old, ip=IP)
    only_letter(LetterKind.CONFIRM_REGISTRATION)


def test_renewing_goes_to_the_present_address(ann: int) -> None:
    old = a_link(ann)
    with transaction() as session:
        session.execute(update(Participant).where(Participant.id == ann).values(email="ann@example.com"))
    magic_links.renew(old, ip=IP)
    assert only_letter(LetterKind.MAGIC_LINK).to_email == "ann@example.com"


def test_renewing_is_limited_like_asking(ann: int) -> None:
    old = a_link(ann)
    for _ in range(5):
        magic_links.renew(old, ip=IP)
    with pytest.raises(TooMany):
        magic_links.renew(old, ip=IP)


def test_a_forgotten_link_renews_nothing(app: Flask) -> None:
    magic_links.renew("made-up", ip=IP)
    assert letters() == []
