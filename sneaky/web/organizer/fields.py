"""Kinds of fields that only forms about exchanges need."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext as _
from wtforms import DateTimeLocalField, Field
from wtforms.widgets import TextInput

_SPACES = re.compile(r"[\s'’]")
# Nobody gives a budget with three decimals: 10.000 and 10,000 are ten thousand, whatever the language.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?P<mark>[.,])\d{3}(?:(?P=mark)\d{3})*(?:(?!(?P=mark))[.,]\d{1,2})?")


class WallTime(DateTimeLocalField):
    """A date and time as a clock on the wall shows it, without zone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("format", ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
        super().__init__(*args, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed, also by browsers without a calendar."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("Give a date and a time, such as 2026-12-24 18:00.")) from None


class Amount(Field):
    """An amount of money; both decimal marks are understood, and both between thousands."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        typed = _SPACES.sub("", valuelist[0]) if valuelist else ""
        if grouped := _GROUPED.fullmatch(typed):
            typed = typed.replace(grouped["mark"], "")
        self.data = None
        if typed:
            try:
                self.data = Decimal(typed.replace(",", "."))
            except InvalidOperation:
                raise ValueError(_("Give an amount, such as 25 or 12.50.")) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:f}".removesuffix(".00")


class Days(Field):
    """Numbers of days, separated by commas or spaces."""

    widget = TextInput()

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed; nothing means no days."""
        parts = (valuelist[0] if valuelist else "").replace(",", " ").split()
        self.data = []
        if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
            raise ValueError(_("Give whole days, separated by commas, such as 7, 3, 1."))
        self.data = [int(part) for part in parts]

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return ", ".join(str(day) for day in self.data or [])
