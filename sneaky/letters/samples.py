"""Made-up people for previews of every letter."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytz

from sneaky.core.clock import now
from sneaky.letters.content import Content, ExchangeFacts, Facts
from sneaky.letters.sources import WITH_MATCH_LINK
from sneaky.models import LetterKind, TroubleKind
from sneaky.outbox import links, queue

_ZONE: Final = "Europe/Berlin"
_TO_ORGANIZERS: Final = frozenset(
    {
        LetterKind.PURGE_WARNING,
        LetterKind.UNDELIVERED,
        LetterKind.PASSWORD_RESET,
        LetterKind.JOB_FAILED,
        LetterKind.TEST,
    }
)
_FACTS: Final[dict[LetterKind, dict[str, Any]]] = {
    LetterKind.REMINDER: {"days_before": 3},
    LetterKind.EXCHANGE_CHANGED: {"changes": ["date", "place"]},
    LetterKind.NEW_MESSAGE: {"side": "giver"},
    LetterKind.JOB_FAILED: {
        "job_id": "purge_old_exchanges",
        "execution": "",
        "kind": TroubleKind.FAILED.value,
        "error": "OperationalError: the database is locked",
    },
}
_LINKS_LIVE: Final = {
    LetterKind.CONFIRM_REGISTRATION: timedelta(days=7),
    LetterKind.ORGANIZER_INVITATION: timedelta(days=7),
    LetterKind.ALREADY_JOINED: timedelta(minutes=15),
    LetterKind.MAGIC_LINK: timedelta(minutes=15),
    LetterKind.PASSWORD_RESET: timedelta(minutes=15),
}


def content(kind: LetterKind) -> Content:
    """What a letter of this kind would say to Ann, or to the organizer Olga."""
    facts = _FACTS.get(kind, {})
    if kind is LetterKind.PURGE_WARNING:
        facts = {"purge_on": (now() + timedelta(days=7)).date().isoformat()}
    is_invitation = kind is LetterKind.ORGANIZER_INVITATION
    is_link = kind in _LINKS_LIVE or kind in WITH_MATCH_LINK
    return Content(
        kind=kind,
        name="" if is_invitation else "Olga" if kind in _TO_ORGANIZERS else "Ann",
        inviter="Olga" if is_invitation else "",
        exchange=_exchange(),
        link=links.url("/m/sample" if is_link else "/"),
        link_lives=_LINKS_LIVE.get(kind),
        code="K7WM2QHX" if kind is LetterKind.MAGIC_LINK else None,
        unsubscribe_link=links.url("/u/sample") if queue.is_bulk(kind) else None,
        facts=Facts(facts),
    )


def _exchange() -> ExchangeFacts:
    """Next Christmas Eve at Olga's."""
    today = now().date()
    year = today.year if (today.month, today.day) < (12, 24) else today.year + 1
    return ExchangeFacts(
        name="Family Christmas",
        event_at=pytz.timezone(_ZONE).localize(datetime(year, 12, 24, 18)),  # noqa: DTZ001
        zone=_ZONE,
        reader_zone=None,
        place="12 Fir Lane",
        budget=Decimal(25),
        currency="EUR",
        is_drawn=True,
    )
