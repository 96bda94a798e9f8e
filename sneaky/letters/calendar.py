"""The exchange as an entry for calendars."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from flask_babel import gettext as _

from sneaky.core.crypto import keyring
from sneaky.core.settings import settings
from sneaky.outbox.message import Attachment

CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"
FILE_NAME = "exchange.ics"
_LENGTH = timedelta(hours=2)


@lru_cache(maxsize=16)
def entry(
    *, uid: str, name: str, starts_at: datetime, place: str, note: str, link: str, made_at: datetime
) -> bytes:
    """One event as an iCalendar file (RFC 5545), in UTC so that no zone has to be described.

    `uid` stays the same for an exchange and `made_at` grows, so that a later entry replaces an earlier one.
    The letters of one draw all carry the same file, so it is made once.
    """
    from icalendar import Calendar, Event  # noqa: PLC0415  (costs 0.2 s, and few processes need it)

    event = Event()
    event.add("uid", uid)
    event.add("sequence", int(made_at.timestamp()) // 60 % 2**31)
    event.add("dtstamp", made_at)
    event.add("dtstart", starts_at)
    event.add("dtend", starts_at + _LENGTH)
    event.add("summary", name)
    event.add("url", link)
    if place:
        event.add("location", place)
    if note:
        event.add("description", note)
    calendar = Calendar()
    calendar.add("prodid", "-//Sneaky Klaus//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def uid_of(exchange_public_id: str) -> str:
    """The id of an exchange's entry; it does not tell the id that its pages have."""
    return f"{keyring().tag('calendar', exchange_public_id)[:16].hex()}@{settings().host}"


def note(budget: str | None) -> str:
    """What stands below the event: the budget, if there is one."""
    return "" if budget is None else _("Budget: about %(amount)s", amount=budget)


def attachment(content: bytes) -> Attachment:
    """An entry as it goes with a letter."""
    return Attachment(FILE_NAME, CONTENT_TYPE, content)
