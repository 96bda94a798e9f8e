"""What select fields offer."""

from __future__ import annotations

from collections.abc import Iterable

import pytz
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined, unused-ignore]


def choice(value: str, label: object, *, group: str | None = None) -> SelectChoice:
    """One choice; those with the same `group` stand together."""
    return SelectChoice(value, label, optgroup=group)


def zones(none: str, *, also: Iterable[str | None] = ()) -> list[SelectChoice]:
    """Every usual time zone (IANA) by its part of the world, after the words `none`; `also` adds others."""
    names = {*pytz.common_timezones, *filter(None, also)}
    return [choice("", none), *map(_zone, sorted(names))]


def _zone(name: str) -> SelectChoice:
    region, _slash, place = name.partition("/")
    return choice(name, (place or region).replace("_", " "), group=region if place else None)
