"""Which state of a draw somebody had before their eyes, so that a button pressed twice changes it once."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.core.tokens import digest
from sneaky.models import Draw, DrawState, Match


def state_of(exchange_id: int) -> str:
    """A mark that the draw which counts has until it is mended or made anew; it tells nothing else."""
    match_ids = db.session.scalars(
        select(Match.id)
        .join(Draw, Draw.id == Match.draw_id)
        .where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    )
    return digest(" ".join(sorted(match_ids)))


def refuse_changed(exchange_id: int, seen: str | None) -> None:
    """Raise `RuleBroken` where the draw has changed since its state was `seen`; None: nobody looked."""
    if seen is not None and seen != state_of(exchange_id):
        raise RuleBroken(
            "The draw has changed since you opened this page, perhaps by a first press of this button. Look "
            "at it once more before you go on."
        )
