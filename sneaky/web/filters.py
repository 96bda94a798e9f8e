"""How values are written for people: instants in a zone, days, money, how long ago."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple, cast

import pytz
from babel.dates import format_date, format_datetime, format_timedelta, get_timezone_location
from babel.numbers import format_currency
from flask import Flask, g, has_request_context
from flask_babel import get_locale
from markupsafe import Markup

from sneaky.core.clock import now
from sneaky.web.guards import organizer_or_none, participant_or_none

_MINUTE = {"en": "EEE d MMM y, HH:mm", "de": "EEE, d. MMM y, HH:mm"}
# Pages show the same few instants again and again, and writing one takes a good part of a millisecond.
_KEPT = 4096
_DAY = {"en": "EEEE, d MMMM y", "de": "EEEE, d. MMMM y"}
_ONE_DAY, _MANY_DAYS = timedelta(days=1), 60


class Moment(NamedTuple):
    """An instant in the zone it belongs to, as `clock.when` shows it.

    `reader` is their own time, empty where that is the same, and None where only their browser knows it.
    """

    utc: datetime
    text: str
    zone: str
    place: str
    reader: str | None

    @property
    def relative(self) -> str:
        """How far it is from now."""
        return relative(self.utc)


class _Reader(NamedTuple):
    """The language of a page, and the zone that whoever reads it has chosen."""

    language: str
    zone: str | None


def init_app(app: Flask) -> None:
    """Hand the filters to every template."""
    app.jinja_env.filters.update(
        moment=moment,
        day=day,
        money=money,
        relative=relative,
        lines=lines,
        capitalize_first=capitalize_first,
    )


def moment(at: datetime, zone: str) -> Moment:
    """An instant (aware) as people in `zone` (IANA) read it, with weekday, and as the reader does."""
    language, theirs = _reader()
    text = _minute(at, zone, language)
    reader = _minute(at, theirs, language) if theirs else None
    return Moment(at, text, zone, _place(zone, language), "" if reader == text else reader)


def day(at: datetime | date | str, zone: str = "UTC") -> str:
    """The day of an instant in `zone`, or a plain date (also in ISO form), with weekday."""
    if isinstance(at, str):
        at = date.fromisoformat(at)
    on = at.astimezone(pytz.timezone(zone)).date() if isinstance(at, datetime) else at
    return _date(on, _reader().language)


def money(amount: Decimal | None, currency: str) -> str:
    """An amount in a currency (ISO 4217), without empty cents; nothing for no amount."""
    if amount is None:
        return ""
    locale = get_locale()
    pattern = locale.currency_formats["standard"].pattern
    if amount == amount.to_integral_value():
        return str(
            format_currency(
                amount, currency, pattern.replace(".00", ""), locale=locale, currency_digits=False
            )
        )
    return str(format_currency(amount, currency, pattern, locale=locale))


def relative(at: datetime) -> str:
    """How far an instant is from now: “in 9 days”, “2 hours ago”."""
    distance = at - now()
    if abs(distance) >= _ONE_DAY:
        return _in_days(round(distance / _ONE_DAY), _reader().language)
    return format_timedelta(distance, add_direction=True, locale=_reader().language)


def lines(text: str) -> Markup:
    """Text that somebody typed, with its line breaks."""
    return Markup("<br>").join(text.splitlines())


def capitalize_first(text: str) -> str:
    """A sentence that begins with a capital; the other letters stay as they are. Markup stays markup."""
    return text[:1].upper() + text[1:]


@lru_cache(maxsize=_KEPT)
def _date(on: date, language: str) -> str:
    return format_date(on, _DAY[language], locale=language)


@lru_cache(maxsize=_KEPT)
def _in_days(number: int, language: str) -> str:
    # Nobody can plan by “in 1 week” when it means nine days.
    threshold = _MANY_DAYS if abs(number) < _MANY_DAYS else 1
    return format_timedelta(
        timedelta(days=number), "day", threshold=threshold, add_direction=True, locale=language
    )


@lru_cache(maxsize=_KEPT)
def _minute(at: datetime, zone: str, language: str) -> str:
    return format_datetime(at, _MINUTE[language], tzinfo=pytz.timezone(zone), locale=language)


@lru_cache(maxsize=_KEPT)
def _place(zone: str, language: str) -> str:
    if "/" not in zone or zone.startswith("Etc/"):
        return zone.removeprefix("Etc/")
    place = get_timezone_location(pytz.timezone(zone), locale=language, return_city=True)
    return str(place).rpartition("/")[2]


def _reader() -> _Reader:
    """Whoever reads this page, found once a page."""
    if not has_request_context():
        return _Reader(str(get_locale().language), None)
    try:
        return cast("_Reader", g.reader)
    except AttributeError:
        g.reader = _Reader(str(get_locale().language), _reader_zone())
        return cast("_Reader", g.reader)


def _reader_zone() -> str | None:
    if "asks_nobody" in g:
        return None
    people = (participant_or_none(), organizer_or_none())
    return next((person.zone for person in people if person and person.zone), None)
