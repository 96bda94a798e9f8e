"""Complaints: who marks a letter of ours as unwanted gets only what they need to take part from then on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.models import Participant
from sneaky.outbox import undelivered
from sneaky.outbox.resend_events import Returned


def take_back(returned: Returned) -> None:
    """Note that a letter came back; one that its reader complained about ends reminders and notices to them.

    A complaint counts for the address, whatever the exchange, until its reader asks for letters again.
    Taking the same event twice changes nothing more.
    """
    email = undelivered.came_back(returned.reference, returned.why)
    if email is not None and returned.is_complaint:
        _end_reminders_and_notices(email)


def known(session: Session, email: str | None = None) -> dict[str, datetime]:
    """Which addresses have complained, and when; with `email` only that one is looked up."""
    asked = () if email is None else (Participant.email == email,)
    rows = session.execute(
        select(Participant.email, Participant.complained_at)
        .where(Participant.complained_at.is_not(None), *asked)
        .order_by(Participant.id)
    )
    return {row.email: row.complained_at for row in rows}


def first_choices(complained_at: datetime | None) -> dict[str, Any]:
    """What a newcomer's row says about letters, whose address complained at an instant, or never (None)."""
    wants_all = complained_at is None
    return {"complained_at": complained_at, "wants_reminders": wants_all, "wants_notices": wants_all}


def readdress(session: Session, participant: Participant, email: str) -> None:
    """Let a participant who is to get this address be written to as the address itself wants it.

    What they chose themselves stays where neither the old address nor the new one has complained.
    """
    complained_at = known(session, email).get(email)
    if complained_at != participant.complained_at:
        for name, value in first_choices(complained_at).items():
            setattr(participant, name, value)


def forgive(session: Session, email: str) -> None:
    """Forget the complaint of an address whose reader asks for letters again."""
    session.execute(
        update(Participant)
        .where(Participant.email == email, Participant.complained_at.is_not(None))
        .values(complained_at=None)
    )


def _end_reminders_and_notices(email: str) -> None:
    with transaction() as session:
        ended = session.execute(
            update(Participant)
            .where(Participant.email == email, Participant.complained_at.is_(None))
            .values(wants_reminders=False, wants_notices=False, complained_at=now())
            .returning(Participant.id, Participant.exchange_id)
        )
        for participant_id, exchange_id in ended.all():
            audit.note("participant.complained", exchange_id=exchange_id, participant=participant_id)
