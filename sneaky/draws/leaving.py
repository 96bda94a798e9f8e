"""Participants who go of their own accord: out of the exchange, or out of every table."""

from __future__ import annotations

from sneaky.core.db import transaction
from sneaky.draws import repair
from sneaky.exchanges import participants, personal_data
from sneaky.exchanges.rows import held_participant
from sneaky.models import ExchangeState, Participant, ParticipantState


def leave(participant_id: int) -> None:
    """Withdraw; after the draw it is mended. Raises `RuleBroken` once the exchange is over."""
    with transaction():
        if _has_match(participant_id):
            repair.withdraw(participant_id)
        else:
            participants.withdraw(participant_id)


def be_forgotten(participant_id: int) -> None:
    """Delete a participant and all that is theirs, at any time; a draw they are part of is mended.

    Raises `RuleBroken` where no mending keeps the rules: then the organizer has to draw anew first.
    """
    with transaction() as session:
        if _has_match(participant_id):
            repair.withdraw(participant_id, is_erased=True)
            return
        participant = session.get_one(Participant, participant_id)
        personal_data.delete_row(session, participant.exchange_id, participant_id)


def _has_match(participant_id: int) -> bool:
    """Whether somebody is in a draw; holding the exchange keeps it so until the caller has seen to it."""
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        return exchange.state is ExchangeState.MATCHED and participant.state is ParticipantState.ACTIVE
