"""The exchange page: where it stands, what comes next, its people in short and what happens when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, true

from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import ExchangeFacts, Next, about_exchange, facts_of, read, what_is_next
from sneaky.exchanges.pages.late import IS_LATE, LateJoiner, late_joiners
from sneaky.exchanges.pages.person_rows import PersonRow, first_people
from sneaky.exchanges.pages.timeline import ReminderRow, TimelineEntry, forecast, reminder_rows, timeline
from sneaky.models import Draw, Exchange, Match, Participant, ReminderState

PEOPLE_IN_SHORT = 30

_PROGRESS = {
    "people": counts.people(counts.IS_ACTIVE),
    "unconfirmed": counts.people(counts.IS_PENDING),
    "late": counts.people(IS_LATE),
    "unreachable": counts.unreachable,
    "letters_delivered": counts.letters_delivered,
    "wish_lists_filled": counts.wish_lists_filled,
    "received": counts.people(counts.IS_ACTIVE, Participant.gift_received_at.is_not(None)),
}

_MATCHES = counts.tally_of_matches(
    opened=Match.revealed_at.is_not(None),
    taken_over=Match.revealed_at.is_(None) & Match.stand_in_id.is_not(None),
    have_gift=Match.has_gift_at.is_not(None),
    sent=Match.sent_at.is_not(None),
    changed=Match.changed_at.is_not(None),
    acknowledged=Match.acknowledged_at.is_not(None),
)

_PAGE = (
    about_exchange(
        Exchange.event_local,
        Exchange.reminder_days,
        Exchange.has_reminders,
        Draw.drawn_at,
        Draw.participant_count,
        *(count.label(name) for name, count in _PROGRESS.items()),
        *_MATCHES.c,
    )
    .outerjoin(Draw, and_(Draw.exchange_id == Exchange.id, counts.IS_CURRENT))
    .join(_MATCHES, true())
)


class Progress(NamedTuple):
    """How far everybody is, as numbers; they never tell who."""

    people: int
    unconfirmed: int
    late: int
    unreachable: int
    letters_delivered: int
    opened: int
    taken_over: int
    wish_lists_filled: int
    have_gift: int
    sent: int
    received: int
    changed: int
    acknowledged: int

    @property
    def unopened(self) -> int:
        """How many have not looked at their match yet, though nobody gives in their place."""
        return self.people - self.opened - self.taken_over


@dataclass(frozen=True)
class ExchangePage:
    """Everything the exchange page shows; of many people only the first, those in trouble before all."""

    facts: ExchangeFacts
    progress: Progress
    next: Next
    people: tuple[PersonRow, ...]
    late_joiners: tuple[LateJoiner, ...]
    timeline: tuple[TimelineEntry, ...]

    @property
    def everybody(self) -> int:
        """How many did not withdraw, shown here or not."""
        return self.progress.people + self.progress.unconfirmed

    @property
    def unreachable(self) -> tuple[PersonRow, ...]:
        """Those shown here whose last letter did not arrive."""
        return tuple(person for person in self.people if person.is_unreachable)

    @property
    def shows_opened(self) -> bool:
        """Whether it may be said who looked: after a repair it would tell who got somebody new."""
        return not 0 < self.progress.changed < self.progress.people

    @property
    def can_undo(self) -> bool:
        """Whether the draw may still be taken back: nobody has seen a match."""
        return self.facts.is_drawn and not self.progress.opened and not self.progress.changed


def exchange_page(exchange_id: int) -> ExchangePage:
    """The page of one exchange; three queries, four where somebody came late.

    Raises `NotFound` for an unknown one.
    """
    row = read(_PAGE, exchange_id)
    facts = facts_of(row)
    reminders = reminder_rows(exchange_id)
    if facts.is_before_draw:
        reminders = forecast(row.event_local, facts.zone, row.reminder_days if row.has_reminders else ())
    progress = Progress(**{name: getattr(row, name) for name in (*_PROGRESS, *_MATCHES.c.keys())})
    return ExchangePage(
        facts=facts,
        progress=progress,
        next=what_is_next(facts, people=progress.people, reminder_at=_nearest(reminders)),
        people=first_people(exchange_id, PEOPLE_IN_SHORT),
        late_joiners=late_joiners(exchange_id) if facts.is_drawn and progress.late else (),
        timeline=timeline(facts, reminders, drawn_at=row.drawn_at, letters=row.participant_count),
    )


def _nearest(reminders: tuple[ReminderRow, ...]) -> datetime | None:
    return min((row.due_at for row in reminders if row.state is ReminderState.PLANNED), default=None)
