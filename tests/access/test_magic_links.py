"""Magic links of participants: looked at without a trace, used once, forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from sneaky.access import claims, magic_links, organizers
from sneaky.access.magic_links import LinkState
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken, SneakyError, TooMany
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    LetterKind,
    MagicToken,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.outbox import links
from tests.access.linking import BROWSER, a_link, ask
from tests.access.looking import audit_trail, code_in, only_letter, state_of, stored_tokens, token_in
from tests.factories import a_participant, an_exchange, an_organizer

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("looks", [1, 5])
def test_looking_uses_nothing_up(ann: int, looks: int) -> None:
    token = a_link(ann)
    for _ in range(looks):
        view = magic_links.peek(token)
        assert view.state is LinkState.FRESH
    assert (view.purpose, view.participant_id) == (TokenPurpose.SIGN_IN, ann)
    assert (view.participant_name, view.exchange_name) == ("Ann", "Family Christmas")
    assert magic_links.redeem(token).participant_id == ann
    assert magic_links.peek(token).state is LinkState.USED


def test_a_late_or_revoked_link_is_seen_to_be_old(ann: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        late, revoked = a_link(ann), a_link(ann)
        with transaction():
            claims.revoke(claims.of_token(revoked))
        assert magic_links.peek(revoked).state is LinkState.EXPIRED
        clock.shift(15 * 60 - 1)
        assert magic_links.peek(late).state is LinkState.FRESH
        clock.shift(1)
        assert magic_links.peek(late).state is LinkState.EXPIRED


@pytest.mark.parametrize(
    "purpose", [TokenPurpose.SETUP, TokenPurpose.PASSWORD_RESET, TokenPurpose.ORGANIZER_INVITATION]
)
def test_links_of_organizers_are_unknown_here(app: Flask, purpose: TokenPurpose) -> None:
    with transaction():
        token = links.mint(purpose, lifetime=timedelta(hours=1), organizer_id=an_organizer()).token
    assert magic_links.peek(token).state is LinkState.UNKNOWN
    with pytest.raises(RuleBroken):
        magic_links.redeem(token)
    assert stored_tokens()[0].used_at is None


def test_a_link_signs_in_once(ann: int) -> None:
    token = a_link(ann)
    magic_links.redeem(token)
    for worthless in (token, "made-up", ""):
        with pytest.raises(RuleBroken, match="fresh one"):
            magic_links.redeem(worthless)
    assert audit_trail() == [("participant.signed_in", None), *[("participant.link_refused", None)] * 3]


def test_twenty_parallel_uses_let_one_in(any_app: Flask) -> None:
    token = a_link(a_participant(an_exchange()))

    def use(_number: int) -> bool:
        with any_app.app_context():
            try:
                magic_links.redeem(token)
            except SneakyError:
                return False
            return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(use, range(20))) == 1


def test_a_late_or_revoked_link_lets_nobody_in(ann: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        late, revoked = a_link(ann), a_link(ann)
        with transaction():
            claims.revoke(claims.of_token(revoked))
        with pytest.raises(RuleBroken):
            magic_links.redeem(revoked)
        clock.shift(15 * 60)
        with pytest.raises(RuleBroken):
            magic_links.redeem(late)


def test_the_link_of_a_match_letter_works_until_its_time_is_over(ann: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        token = a_link(ann, TokenPurpose.MATCH, until=NOON + timedelta(days=30))
        for _ in range(3):
            assert magic_links.redeem(token).purpose is TokenPurpose.MATCH
            clock.shift(timedelta(days=9))
        clock.shift(timedelta(days=3))
        with pytest.raises(RuleBroken):
            magic_links.redeem(token)


def test_a_revoked_match_link_lets_nobody_in(ann: int) -> None:
    token = a_link(ann, TokenPurpose.MATCH)
    with transaction():
        claims.revoke(MagicToken.participant_id == ann)
    with pytest.raises(RuleBroken):
        magic_links.redeem(token)


@pytest.mark.parametrize("state", [ExchangeState.REGISTRATION_OPEN, ExchangeState.REGISTRATION_CLOSED])
def test_confirming_makes_a_participant_take_part(any_app: Flask, state: ExchangeState) -> None:
    ann = a_participant(an_exchange(state=state), state=ParticipantState.PENDING, confirmed_at=None)
    magic_links.redeem(a_link(ann, TokenPurpose.CONFIRM_REGISTRATION))
    assert state_of(ann) is ParticipantState.ACTIVE
    assert db.session.get_one(Participant, ann).confirmed_at is not None


@pytest.mark.parametrize("state", [ExchangeState.MATCHED, ExchangeState.COMPLETED])
def test_confirming_after_the_draw_comes_too_late(any_app: Flask, state: ExchangeState) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, state=ParticipantState.PENDING, confirmed_at=None)
    token = a_link(ann, TokenPurpose.CONFIRM_REGISTRATION)
    is_over = state is ExchangeState.COMPLETED
    with transaction() as session:
        session.execute(
            update(Exchange)
            .where(Exchange.id == exchange_id)
            .values(
                state=state,
                completed_at=now() if is_over else None,
                completed_reason=CompletedReason.CANCELLED if is_over else None,
            )
        )
    assert magic_links.redeem(token).is_too_late
    assert state_of(ann) is ParticipantState.PENDING
    assert db.session.get_one(Participant, ann).confirmed_at is not None, "the address is known to be right"


def test_confirming_does_not_bring_back_who_withdrew(app: Flask) -> None:
    ann = a_participant(an_exchange(), state=ParticipantState.WITHDRAWN, withdrawn_at=now())
    magic_links.redeem(a_link(ann, TokenPurpose.CONFIRM_REGISTRATION))
    assert state_of(ann) is ParticipantState.WITHDRAWN


def test_no_stored_value_lets_anybody_in(ann: int) -> None:
    ask()
    (row,) = stored_tokens()
    for stored in (row.token_hash, row.nonce, row.code_hash, row.browser_hash):
        assert stored is not None
        with pytest.raises(RuleBroken):
            magic_links.redeem(stored)
        with pytest.raises(RuleBroken):
            magic_links.redeem_code(stored, BROWSER)


def test_the_code_works_in_the_browser_that_asked(any_app: Flask) -> None:
    ann = a_participant(an_exchange(), email="ann@example.org")
    ask()
    letter = only_letter(LetterKind.MAGIC_LINK)
    code = code_in(letter)
    assert len(code) == 8
    typed = f" {code[:4].lower()}-{code[4:]} "
    with pytest.raises(RuleBroken) as refused:
        magic_links.redeem_code(typed, "another browser")
    assert refused.value.field == "code"
    assert magic_links.redeem_code(typed, BROWSER).participant_id == ann
    with pytest.raises(RuleBroken):
        magic_links.redeem_code(typed, BROWSER)
    with pytest.raises(RuleBroken):
        magic_links.redeem(token_in(letter))


def test_the_code_of_a_registration_confirms_it_too(app: Flask) -> None:
    ann = a_participant(
        an_exchange(), email="ann@example.org", state=ParticipantState.PENDING, confirmed_at=None
    )
    ask()
    magic_links.redeem_code(code_in(only_letter(LetterKind.CONFIRM_REGISTRATION)), BROWSER)
    assert state_of(ann) is ParticipantState.ACTIVE


def test_codes_cannot_be_tried_out(ann: int) -> None:
    ask()
    code = code_in(only_letter(LetterKind.MAGIC_LINK))
    for _ in range(10):
        with pytest.raises(RuleBroken):
            magic_links.redeem_code("22222222", BROWSER)
    with pytest.raises(TooMany):
        magic_links.redeem_code(code, BROWSER)


def test_old_links_are_deleted_in_portions(any_app: Flask) -> None:
    ann = a_participant(an_exchange())
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            a_link(ann)
        used = a_link(ann, until=NOON + timedelta(days=7))
        magic_links.redeem(used)
        standing = a_link(ann, TokenPurpose.MATCH, until=NOON + timedelta(days=30))
        magic_links.redeem(standing)
        quarter, kept = timedelta(minutes=15), timedelta(days=90)
        clock.move_to(NOON + quarter + kept - timedelta(seconds=1))
        assert magic_links.delete_expired(2) == 0, "until then it can be exchanged for a fresh one"
        clock.shift(1)
        assert [magic_links.delete_expired(2) for _ in range(3)] == [2, 1, 0]
        assert magic_links.peek(used).state is LinkState.USED
        clock.move_to(NOON + timedelta(days=7) + kept)
        assert magic_links.delete_expired(2) == 1
        assert magic_links.peek(standing).state is LinkState.EXPIRED


def test_links_of_nobody_who_takes_part_go_when_they_are_of_no_use(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        a_link(None, TokenPurpose.PASSWORD_RESET, organizer_id=an_organizer())
        used = a_link(
            None, TokenPurpose.ORGANIZER_INVITATION, until=NOON + timedelta(days=7), email="x@y.org"
        )
        organizers.accept_invitation(used, name="Xena", password="mulled wine and nutmeg")
        clock.shift(15 * 60)
        assert magic_links.delete_expired(9) == 1
        clock.move_to(NOON + timedelta(hours=24))
        assert magic_links.delete_expired(9) == 1
