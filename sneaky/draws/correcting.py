"""Corrects what is known about somebody; who is in a draw is remembered as they are called from then on."""

from __future__ import annotations

from secrets import SystemRandom

from sneaky.core.db import transaction
from sneaky.draws import earlier
from sneaky.draws.conduct import current_draw_id
from sneaky.exchanges import corrections
from sneaky.matches import seals
from sneaky.models import Draw, Exchange


def correct(participant_id: int, *, name: str, email: str, is_guarded: bool, household: str | None) -> None:
    """Mend name, address, guardianship and household; raises as `corrections.correct` does.

    A mended address is what next year's list has, so the pairs of a draw are remembered anew with it.
    """
    with transaction() as session:
        before = earlier.identity(participant_id)
        exchange_id = corrections.correct(
            participant_id, name=name, email=email, is_guarded=is_guarded, household=household
        )
        draw = session.get(Draw, current_draw_id(exchange_id) or 0)
        if draw is not None and earlier.identity(participant_id) != before:
            exchange = session.get_one(Exchange, exchange_id)
            earlier.forget(exchange, draw.drawn_at)
            earlier.remember(exchange, seals.pairs(draw.id), draw.drawn_at, SystemRandom())
