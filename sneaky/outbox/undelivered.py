"""Letters that do not arrive: those that come back later, and the word to the organizer who can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import open_session, transaction
from sneaky.core.tokens import equal
from sneaky.models import Exchange, ExchangeState, Letter, LetterKind, LetterState, Organizer
from sneaky.models.letters import ERROR_LENGTH, UNDELIVERED
from sneaky.outbox import queue
from sneaky.outbox.message import letter_key

# What goes wrong within an hour is told together, once that hour is over. So the organizer gets one letter
# where many addresses are wrong, and its moment does not tell which letter it was that came back.
_TOLD_EVERY: Final = timedelta(hours=1)
_SETTLED_OTHERWISE: Final = (LetterState.BOUNCED, LetterState.DISCARDED)


def came_back(reference: str, why: str) -> str | None:
    """Mark the letter that the mail provider knows as `reference` as bounced, and warn its organizer.

    Returns the address it went to; None, and nothing is changed, for a reference that is not ours and a
    letter that is gone, or was sent anew or to another address meanwhile. One that is marked already or was
    taken out stays as it is. A sender that still has the letter loses its lease.
    """
    number, _, key = reference.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    with transaction() as session:
        letter = session.get(Letter, int(number), with_for_update=True)
        if letter is None:
            return None
        if not equal(letter_key(letter.id, letter.to_email, letter.created_at.isoformat()), key):
            return None
        if letter.state not in _SETTLED_OTHERWISE:
            letter.state, letter.settled_at, letter.error = LetterState.BOUNCED, now(), why[:ERROR_LENGTH]
            letter.lease_id = letter.lease_until = None
            warn_organizers([letter.id])
        return letter.to_email


def warn_organizers(letter_ids: Iterable[int]) -> None:
    """Queue the word that letters did not arrive, as far as these did not, in the open transaction."""
    at = now()
    hour = at.replace(minute=0, second=0, microsecond=0)
    rows = open_session().execute(
        select(Exchange.id, Organizer.id.label("organizer_id"), Organizer.email)
        .join(Letter, Letter.exchange_id == Exchange.id)
        .join(Organizer, Organizer.id == Exchange.organizer_id)
        .where(
            Letter.id.in_(list(letter_ids)),
            Letter.state.in_(UNDELIVERED),
            Letter.participant_id.is_not(None),
            Exchange.state != ExchangeState.COMPLETED,
        )
        .distinct()
    )
    for exchange_id, organizer_id, email in rows.all():
        queue.put(
            LetterKind.UNDELIVERED,
            email,
            organizer_id=organizer_id,
            exchange_id=exchange_id,
            dedupe_key=f"undelivered:{exchange_id}:{hour:%Y-%m-%dT%H}",
            not_before=hour + _TOLD_EVERY,
        )
