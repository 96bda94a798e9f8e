"""From a typed name to the one person it means."""

from __future__ import annotations

from sqlalchemy import func, or_, select

from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.models import Participant, ParticipantState

_NAMED_AT_MOST = 4


def person_called(exchange_id: int, typed: str, *, field: str) -> int:
    """The participant whose name or address is `typed`, or the only one whose name contains it.

    Raises `RuleBroken` (on `field`) where nobody or more than one is meant.
    """
    text = typed.strip()
    here = [Participant.exchange_id == exchange_id, Participant.state != ParticipantState.WITHDRAWN]
    exactly = or_(func.lower(Participant.name) == text.lower(), Participant.email == text.lower())
    for condition in (exactly, Participant.name.icontains(text, autoescape=True)):
        query = select(Participant.id, Participant.name, Participant.email).where(*here, condition)
        found = db.session.execute(query.order_by(Participant.name).limit(_NAMED_AT_MOST)).all()
        if len(found) == 1:
            return int(found[0].id)
        if found:
            some = ", ".join(f"{row.name} ({row.email})" for row in found[: _NAMED_AT_MOST - 1])
            raise RuleBroken(
                "Several people are called so: %(people)s. Type the address instead.",
                people=some,
                field=field,
            )
    raise RuleBroken("Nobody here is called “%(text)s”. Check the spelling.", text=text, field=field)
