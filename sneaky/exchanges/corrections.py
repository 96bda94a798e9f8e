"""What an organizer mends about somebody, all of it at once or nothing."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core.db import transaction
from sneaky.core.errors import RuleBroken
from sneaky.exchanges import households, participants
from sneaky.exchanges.rows import held_participant
from sneaky.models import Participant


def correct(participant_id: int, *, name: str, email: str, is_guarded: bool, household: str | None) -> int:
    """Mend name, address, guardianship and household; with None the household stays as it is.

    Returns the exchange's id. Raises `RuleBroken` (fields `name`, `email`, `is_guarded`, `household`), and
    then nothing is changed.
    """
    with transaction() as session:
        participants.rename(participant_id, name)
        if is_guarded:
            _set_guarded(participant_id, is_guarded=True)
        participants.change_email(participant_id, email)
        if not is_guarded:
            _set_guarded(participant_id, is_guarded=False)
        if household is not None:
            households.assign(participant_id, household)
        return session.get_one(Participant, participant_id).exchange_id


def _set_guarded(participant_id: int, *, is_guarded: bool) -> None:
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        if participant.is_guarded == is_guarded:
            return
        shared = select(Participant.id).where(
            Participant.exchange_id == exchange.id,
            Participant.email == participant.email,
            Participant.id != participant_id,
            ~Participant.is_guarded,
        )
        if not is_guarded and session.scalars(shared).first() is not None:
            raise RuleBroken("Somebody else takes part with this address.", field="is_guarded")
        participant.is_guarded = is_guarded
        session.flush()
