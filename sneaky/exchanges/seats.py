"""Puts people into an exchange: the rows behind adding, joining, name lists and the organizer's own seat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.errors import RuleBroken
from sneaky.exchanges import complaints
from sneaky.exchanges.rows import refuse_once_drawn
from sneaky.models import Exchange, Organizer, Participant, ParticipantState

MOST_PARTICIPANTS = 10_000


def by_email(session: Session, exchange_id: int, email: str) -> Participant | None:
    """The participant who has this address as their own; a guardian's address names nobody."""
    return session.scalar(
        select(Participant).where(
            Participant.exchange_id == exchange_id, Participant.email == email, ~Participant.is_guarded
        )
    )


def known(
    session: Session, exchange_id: int, name: str, email: str, *, is_guarded: bool
) -> Participant | None:
    """Whom this name and address mean: of those under a guardian's address, the one of the name."""
    if not is_guarded:
        return by_email(session, exchange_id, email)
    here = (Participant.exchange_id == exchange_id, Participant.email == email, Participant.is_guarded)
    first_active = (Participant.state != ParticipantState.ACTIVE, Participant.id)
    guarded = session.scalars(select(Participant).where(*here).order_by(*first_active))
    return next((person for person in guarded if person.name.casefold() == name.casefold()), None)


def refuse_full(session: Session, exchange_id: int, newcomers: int) -> None:
    """Raise `RuleBroken` where so many newcomers would be more than an exchange takes."""
    seated = session.scalar(select(func.count()).where(Participant.exchange_id == exchange_id)) or 0
    if seated + newcomers > MOST_PARTICIPANTS:
        raise RuleBroken(
            "An exchange takes %(most)s people. Please make a second one for the others.",
            most=MOST_PARTICIPANTS,
        )


def seated(
    session: Session,
    exchange_id: int,
    name: str,
    email: str,
    state: ParticipantState,
    *,
    is_guarded: bool = False,
) -> Participant:
    """A participant with this name, address and state in a locked exchange, made or brought back.

    Somebody who is `known` (they never confirmed, or withdrew) keeps their row.
    """
    participant = known(session, exchange_id, name, email, is_guarded=is_guarded)
    if participant is None:
        refuse_full(session, exchange_id, 1)
        participant = Participant(
            exchange_id=exchange_id,
            email=email,
            is_guarded=is_guarded,
            created_at=now(),
            **complaints.first_choices(complaints.known(session, email).get(email)),
        )
        session.add(participant)
    take_seat(participant, name, state)
    session.flush()
    return participant


def take_seat(participant: Participant, name: str, state: ParticipantState) -> None:
    """Write down that a participant takes part under this name, or is to confirm it."""
    participant.name, participant.state = name, state
    participant.withdrawn_at = None
    if state is ParticipantState.PENDING:
        participant.confirmed_at = None


def seat_organizer(session: Session, exchange: Exchange, *, takes_part: bool) -> None:
    """Let the organizer of a locked exchange take part, or not any more.

    Raises `RuleBroken` once the names are drawn, where that is a matter of mending the draw.
    """
    organizer = session.get_one(Organizer, exchange.organizer_id)
    seat = session.scalar(
        select(Participant)
        .where(Participant.exchange_id == exchange.id, Participant.organizer_id == organizer.id)
        .order_by(Participant.state != ParticipantState.ACTIVE, Participant.id)
        .limit(1)
    )
    is_seated = seat is not None and seat.state is ParticipantState.ACTIVE
    if takes_part == is_seated:
        return
    refuse_once_drawn(exchange, "Add or withdraw yourself on the page of participants instead.")
    if seat is None or takes_part:
        email = seat.email if seat else organizer.email  # perhaps mended since
        seat = seated(session, exchange.id, organizer.name, email, ParticipantState.ACTIVE)
        seat.organizer_id, seat.confirmed_at = organizer.id, now()
    else:
        unseat(seat, now())


def unseat(participant: Participant, at: datetime) -> None:
    """Take a participant out of an exchange before its draw, or as part of mending one."""
    participant.state, participant.withdrawn_at = ParticipantState.WITHDRAWN, at
