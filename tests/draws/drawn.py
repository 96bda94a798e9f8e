"""Exchanges whose names are drawn, and a look into their matches for tests."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.draws import conduct
from sneaky.matches import seals
from sneaky.models import Draw, DrawState, Letter, LetterKind, LetterState
from tests import factories


def a_drawn_exchange(number: int = 6, *, seed: int = 1, **values: Any) -> tuple[int, list[int]]:
    """An exchange with so many people, drawn; its id and theirs."""
    exchange_id = factories.an_exchange(**values)
    people = factories.participants(exchange_id, number)
    draw(exchange_id, seed=seed)
    return exchange_id, people


def draw(exchange_id: int, *, seed: int = 1) -> conduct.DrawSummary:
    """Draw with chance that repeats."""
    return conduct.conduct_draw(exchange_id, rng=random.Random(seed), even_if_mail_unproven=True)


def current_draw(exchange_id: int) -> Draw:
    """The draw that counts."""
    return db.session.scalars(
        select(Draw).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    ).one()


def pairs(exchange_id: int) -> dict[int, int]:
    """Who gives to whom."""
    return seals.pairs(current_draw(exchange_id).id)


def addressees(kind: LetterKind, *, state: LetterState = LetterState.QUEUED) -> list[int | None]:
    """The participants with a letter of this kind, in order."""
    return sorted(
        db.session.scalars(select(Letter.participant_id).where(Letter.kind == kind, Letter.state == state)),
        key=str,
    )
