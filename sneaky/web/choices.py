"""What select fields offer, and people to be ticked."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import pytz
from babel.dates import get_timezone_location
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined, unused-ignore]
from wtforms.widgets import CheckboxInput, ListWidget


class PeopleTicks(SelectMultipleField):
    """People, to be ticked."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(label, choices=[], **options)
        self.invalid_choice_message = _l("You ticked somebody who is not here any more. Please look again.")


def choice(value: str, label: object, *, group: str | None = None) -> SelectChoice:
    """One choice; those with the same `group` stand together."""
    return SelectChoice(value, label, optgroup=group)


def zones(none: str, *, also: Iterable[str | None] = ()) -> list[SelectChoice]:
    """Every usual time zone (IANA) by its part of the world, after the words `none`.

    `also` names rarer ones to offer besides; what is no zone is passed over.
    """
    parts = {
        "Africa": _("Africa"),
        "America": _("America"),
        "Antarctica": _("Antarctica"),
        "Arctic": _("Arctic"),
        "Asia": _("Asia"),
        "Atlantic": _("Atlantic Ocean"),
        "Australia": _("Australia"),
        "Europe": _("Europe"),
        "Indian": _("Indian Ocean"),
        "Pacific": _("Pacific Ocean"),
    }
    language = str(get_locale().language)
    chosen = []
    for name in {*pytz.common_timezones, *pytz.all_timezones_set.intersection(also)}:
        part, slash, _rest = name.partition("/")
        place = _place(name, language) if slash else part
        chosen.append((parts.get(part, part) if slash else "", place, name))
    # What belongs to no part of the world, such as UTC, comes first.
    in_order = (choice(name, place, group=part or None) for part, place, name in sorted(chosen))
    return [choice("", none), *in_order]


@lru_cache(maxsize=2048)
def _place(zone: str, language: str) -> str:
    """The city of a zone in a language: “Wien” for Europe/Vienna."""
    if zone.startswith(("Etc/", "US/", "Canada/")):
        return zone.partition("/")[2].replace("_", " ")
    place = str(get_timezone_location(pytz.timezone(zone), locale=language, return_city=True))
    return place.rpartition("/")[2].replace("\N{SOFT HYPHEN}", "")
