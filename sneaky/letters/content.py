"""What templates are given: plain values about the addressee and the exchange, never a row, never a match."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sneaky.letters import wording
from sneaky.models import LetterKind


@dataclass(frozen=True)
class ExchangeFacts:
    """What a letter may say about an exchange. `reader_zone` is the addressee's own, where they chose one."""

    name: str
    event_at: datetime
    zone: str
    reader_zone: str | None
    place: str
    budget: Decimal | None
    currency: str
    is_drawn: bool

    @property
    def when(self) -> str:
        """Its date and time where it takes place."""
        return wording.moment(self.event_at, self.zone)

    @property
    def reader_when(self) -> str | None:
        """The same instant where the reader is; None where that is the same."""
        if self.reader_zone is None or self.reader_zone == self.zone:
            return None
        theirs = wording.moment(self.event_at, self.reader_zone)
        return None if theirs.partition(" (")[0] == self.when.partition(" (")[0] else theirs

    @property
    def budget_in_words(self) -> str | None:
        """The budget with its currency; None without one."""
        return None if self.budget is None else wording.money(self.budget, self.currency)


class Facts(dict[str, Any]):
    """A letter's own facts; they can be a key, since they are only read."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


@dataclass(frozen=True)
class Content:
    """Everything one letter says. `facts` are the letter's own, as they were queued."""

    kind: LetterKind
    name: str = ""
    is_guarded: bool = False
    inviter: str = ""
    exchange: ExchangeFacts | None = None
    link: str = ""
    link_lives: timedelta | None = None
    code: str | None = None
    unsubscribe_link: str | None = None
    facts: Facts = field(default_factory=Facts)
