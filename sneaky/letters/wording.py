"""How a letter writes dates, money and lists, in the language that is spoken right now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

import pytz
from babel.dates import format_date, format_datetime, format_timedelta, get_timezone_location
from babel.lists import format_list
from babel.numbers import format_currency
from flask_babel import get_locale
from flask_babel import gettext as _

_MOMENT = {"en": "EEEE d MMMM y, HH:mm", "de": "EEEE, d. MMMM y, HH:mm"}
_DAY = {"en": "EEEE d MMMM y", "de": "EEEE, d. MMMM y"}


def moment(at: datetime, zone: str) -> str:
    """An instant as people in `zone` (IANA) read it, with weekday and the zone named."""
    text, city = _moment(at, zone, _language())
    return str(_("%(moment)s (%(city)s time)", moment=text, city=city))


def day(on: date) -> str:
    """A day with its weekday."""
    return str(format_date(on, _DAY[_language()], locale=_language()))


def money(amount: Decimal, currency: str) -> str:
    """An amount in a currency (ISO 4217), without empty cents."""
    pattern = get_locale().currency_formats["standard"].pattern
    if amount == amount.to_integral_value():
        pattern = pattern.replace(".00", "")
    return str(format_currency(amount, currency, pattern, locale=get_locale(), currency_digits=False))


def length(of_time: timedelta) -> str:
    """How long something lasts: “15 minutes”, “24 hours”, “7 days”."""
    return str(format_timedelta(of_time, threshold=3, locale=_language()))


def changes(names: Sequence[str]) -> str:
    """What changed about an exchange, as a list in words; unknown names are left out."""
    words = {
        "name": _("the name"),
        "date": _("the date"),
        "place": _("the place"),
        "budget": _("the budget"),
        "message": _("the organizer's message"),
    }
    return str(format_list([words[name] for name in names if name in words], locale=_language()))


@lru_cache(maxsize=256)
def _moment(at: datetime, zone: str, language: str) -> tuple[str, str]:
    """An instant's date and time, and the city its zone is named for; many letters tell the same one."""
    place = pytz.timezone(zone)
    text = format_datetime(at, _MOMENT[language], tzinfo=place, locale=language)
    if "/" not in zone or zone.startswith("Etc/"):
        return text, zone.removeprefix("Etc/")
    return text, str(get_timezone_location(place, locale=language, return_city=True))


def _language() -> str:
    return str(get_locale().language)
