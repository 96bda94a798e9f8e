"""Magic links of participants: asked for, looked at, used, renewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from sneaky.access import addresses, audit, claims, personal_letters, rate_limits
from sneaky.access.claims import Link
from sneaky.core.clock import now
from sneaky.core.db import db, open_session, rows_written, transaction
from sneaky.core.errors import RuleBroken, words
from sneaky.core.tokens import normalise_code
from sneaky.models import (
    Exchange,
    ExchangeState,
    LetterKind,
    MagicToken,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.outbox import links

SIGN_IN_LIVES = timedelta(minutes=15)
CONFIRMATION_LIVES = timedelta(days=7)
# A participant's link can be exchanged for a fresh one for as long; others are of no use once they are old.
_RENEWABLE_FOR = timedelta(days=90)
_USED_KEPT_FOR = timedelta(hours=24)
_ONCE = (TokenPurpose.SIGN_IN, TokenPurpose.CONFIRM_REGISTRATION)
_BEFORE_DRAW = (ExchangeState.DRAFT, ExchangeState.REGISTRATION_OPEN, ExchangeState.REGISTRATION_CLOSED)
_NO_EXCHANGE = 0
_OLD_LINK = words("This link was used already, or it is too old. Ask for a fresh one.")


class LinkState(StrEnum):
    """What a magic link is still good for."""

    FRESH = "fresh"  # one press signs in
    USED = "used"  # somebody signed in with it
    EXPIRED = "expired"  # its time is over, or it was revoked
    UNKNOWN = "unknown"  # never was, or is forgotten


@dataclass(frozen=True)
class LinkView:
    """What the page of a magic link may tell before anybody signed in."""

    purpose: TokenPurpose | None
    state: LinkState
    participant_id: int | None = None
    participant_name: str | None = None
    exchange_name: str | None = None


@dataclass(frozen=True)
class Redeemed:
    """Whom a magic link let in, and what for; `is_too_late` says that the names were drawn by then."""

    purpose: TokenPurpose
    participant_id: int
    organizer_id: int | None
    exchange_id: int
    email: str
    is_too_late: bool = False


def ask(email: str, *, exchange_id: int | None = None, ip: str, browser: str) -> None:
    """Write to an address with a link for each of its participations, all or those in one exchange.

    Nothing tells whether there are any: unknown addresses cost the same work. `browser` is a secret of the
    asking browser, where the letter's code may be typed instead. Raises `RuleBroken` for what is no address,
    and `TooMany`.
    """
    email = addresses.normalise(email)
    rate_limits.count_letter(email, ip=ip)
    with transaction():
        people = _people(Participant.email == email, *_within(exchange_id))
        for person in people:
            _write(person, browser=browser, delay=_delay(person.exchange_id))
        if not people:
            personal_letters.send(
                LetterKind.MAGIC_LINK,
                TokenPurpose.SIGN_IN,
                email,
                lifetime=SIGN_IN_LIVES,
                delay=_delay(_NO_EXCHANGE),
                browser=browser,
                is_pretence=True,
            )


def peek(token: str) -> LinkView:
    """What a link is good for. Looking never uses it up, since mail scanners look too."""
    link = claims.look(token)
    if link is None or link.participant_id is None:
        return LinkView(None, LinkState.UNKNOWN)
    names = db.session.execute(
        select(Participant.name, Exchange.name)
        .join(Exchange, Exchange.id == Participant.exchange_id)
        .where(Participant.id == link.participant_id)
    ).one()
    return LinkView(link.purpose, _state_of(link), link.participant_id, *names)


def redeem(token: str) -> Redeemed:
    """Use a link: once, except for the ones in match and reminder letters, which last as long as they say.

    The link that confirms a registration makes its participant take part; after the draw the organizer
    decides that. Raises `RuleBroken` when the link is used, too old, or was revoked.
    """
    with transaction():
        link = claims.look(token)
        if link is None or not (link.purpose is TokenPurpose.MATCH and link.is_fresh):
            link = claims.claim(claims.of_token(token), *_ONCE)
        redeemed = _let_in(link) if link is not None else None
    if redeemed is None:
        _note_refused(token)
        raise RuleBroken(_OLD_LINK)
    return redeemed


def redeem_code(code: str, browser: str) -> Redeemed:
    """Use the link whose code was typed in the browser that asked. Raises `RuleBroken` and `TooMany`."""
    rate_limits.hit(rate_limits.CODE_BY_BROWSER, browser)
    typed = MagicToken.code_hash.in_(links.hashes_of_code(normalise_code(code), browser))
    with transaction():
        link = claims.claim(typed, *_ONCE)
        redeemed = _let_in(link) if link is not None else None
    if redeemed is None:
        audit.note_refusal("participant.code_refused")
        raise RuleBroken("This is not the code of your latest letter, or it is too old.", field="code")
    return redeemed


def renew(token: str, *, ip: str) -> None:
    """Send a fresh link to the address that a used or old one went to. A forgotten link does nothing."""
    link = claims.look(token)
    if link is None or link.participant_id is None:
        return
    (person,) = _people(Participant.id == link.participant_id)
    rate_limits.count_letter(person.email, ip=ip, exchange_id=person.exchange_id)
    with transaction():
        _write(person)


def _people(*conditions: ColumnElement[bool]) -> Sequence[Any]:
    return db.session.execute(
        select(
            Participant.id,
            Participant.email,
            Participant.exchange_id,
            and_(Participant.state == ParticipantState.PENDING, Exchange.state.in_(_BEFORE_DRAW)).label(
                "may_confirm"
            ),
        )
        .join(Exchange, Exchange.id == Participant.exchange_id)
        .where(*conditions)
        .order_by(Participant.id)
    ).all()


def _within(exchange_id: int | None) -> list[ColumnElement[bool]]:
    return [] if exchange_id is None else [Participant.exchange_id == exchange_id]


def _delay(exchange_id: int) -> timedelta:
    """Count a letter into an exchange; beyond what is bearable, how long it waits to leave.

    The asker must not notice, since an unknown address has no exchange that could be refused.
    """
    beyond, seconds = rate_limits.count(rate_limits.LETTERS_BY_EXCHANGE, str(exchange_id))
    return timedelta(seconds=seconds) if beyond else timedelta()


def _write(person: Any, *, browser: str | None = None, delay: timedelta = timedelta()) -> None:
    """Queue the letter that lets this person in: who has not confirmed the address yet does so by it."""
    if person.may_confirm:
        kind, purpose, lifetime = (
            LetterKind.CONFIRM_REGISTRATION,
            TokenPurpose.CONFIRM_REGISTRATION,
            CONFIRMATION_LIVES,
        )
    else:
        kind, purpose, lifetime = LetterKind.MAGIC_LINK, TokenPurpose.SIGN_IN, SIGN_IN_LIVES
    personal_letters.send(
        kind,
        purpose,
        person.email,
        lifetime=lifetime,
        exchange_id=person.exchange_id,
        participant_id=person.id,
        browser=browser,
        delay=delay,
    )


def _state_of(link: Link) -> LinkState:
    if link.is_fresh:
        return LinkState.FRESH
    return LinkState.USED if link.used_at is not None else LinkState.EXPIRED


def _note_refused(token: str) -> None:
    """Write down that a link let nobody in: whose it is, if it is known, and what it lacks."""
    link = claims.look(token)
    if link is None or link.participant_id is None:
        audit.note_refusal("participant.link_refused", link=LinkState.UNKNOWN.value)
        return
    exchange_id = db.session.scalar(
        select(Participant.exchange_id).where(Participant.id == link.participant_id)
    )
    audit.note_refusal(
        "participant.link_refused",
        exchange_id=exchange_id,
        participant=link.participant_id,
        link=_state_of(link).value,
    )


def _let_in(link: Link) -> Redeemed:
    """Write down who came in by a used link, and confirm the registration if that is what it is for."""
    participant_id, exchange_id, email = (
        open_session()
        .execute(
            select(Participant.id, Participant.exchange_id, Participant.email).where(
                Participant.id == link.participant_id
            )
        )
        .one()
    )
    is_too_late = not _confirm(
        participant_id, exchange_id, is_asked=link.purpose is TokenPurpose.CONFIRM_REGISTRATION
    )
    audit.note(
        "participant.signed_in",
        exchange_id=exchange_id,
        participant=participant_id,
        purpose=link.purpose.value,
    )
    return Redeemed(link.purpose, participant_id, link.organizer_id, exchange_id, email, is_too_late)


def _confirm(participant_id: int, exchange_id: int, *, is_asked: bool) -> bool:
    """Make a participant take part if that `is_asked`; False where the draw was faster.

    Then the address is noted as right by whatever link they come: they wait for the organizer to decide.
    Holding the exchange keeps the draw away.
    """
    session = open_session()
    state = session.scalars(select(Exchange.state).where(Exchange.id == exchange_id).with_for_update()).one()
    is_in_time = state in _BEFORE_DRAW
    if is_asked or not is_in_time:
        session.execute(
            update(Participant)
            .where(Participant.id == participant_id, Participant.state == ParticipantState.PENDING)
            .values(
                state=ParticipantState.ACTIVE if is_in_time else ParticipantState.PENDING, confirmed_at=now()
            )
        )
    return is_in_time


def delete_expired(limit: int) -> int:
    """Delete at most `limit` old links; returns how many.

    Those of participants go 90 days after their time, since they can be exchanged for a fresh one until then;
    others when their time is over, or a day after they were used.
    """
    at, is_nobodys = now(), MagicToken.participant_id.is_(None)
    over = (
        select(MagicToken.id)
        .where(
            or_(
                MagicToken.expires_at <= at - _RENEWABLE_FOR,
                is_nobodys & (MagicToken.expires_at <= at),
                is_nobodys & (MagicToken.used_at <= at - _USED_KEPT_FOR),
            )
        )
        .limit(limit)
    )
    with transaction() as session:
        return rows_written(session, delete(MagicToken).where(MagicToken.id.in_(over)))
