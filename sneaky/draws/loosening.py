"""Makes the changes that a verdict offers, so that one press helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound
from sneaky.draws.rules import Action
from sneaky.exchanges import exclusions, households, lifecycle
from sneaky.models import AvoidLastYear, Exchange

_OPTIONS: dict[Action, dict[str, Any]] = {
    Action.SOFTEN_LAST_YEAR: {"avoid_last_year": AvoidLastYear.SOFT},
    Action.ALLOW_RECIPROCAL: {"no_reciprocal": False},
    Action.ALLOW_LOOPS: {"single_loop": False},
}


@dataclass(frozen=True)
class Loosening:
    """One change to make; ids only where it is about people."""

    action: Action
    giver_id: int | None = None
    recipient_id: int | None = None


def loosen(exchange_id: int, changes: Iterable[Loosening]) -> None:
    """Make all of the changes or none. Raises `RuleBroken` after the draw, `NotFound` for strangers."""
    with transaction():
        for change in changes:
            _make(exchange_id, change)


def _make(exchange_id: int, change: Loosening) -> None:
    if change.action in _OPTIONS:
        lifecycle.set_draw_options(exchange_id, **(_options(exchange_id) | _OPTIONS[change.action]))
    elif change.giver_id is None:
        raise NotFound
    elif change.action is Action.LEAVE_HOUSEHOLD:
        households.assign(change.giver_id, None)
    elif change.recipient_id is None:
        raise NotFound
    else:
        exclusions.allow(exchange_id, change.giver_id, change.recipient_id)


def _options(exchange_id: int) -> dict[str, Any]:
    query = select(Exchange.no_reciprocal, Exchange.single_loop, Exchange.avoid_last_year)
    row = db.session.execute(query.where(Exchange.id == exchange_id)).mappings().one_or_none()
    if row is None:
        raise NotFound
    return dict(row)
