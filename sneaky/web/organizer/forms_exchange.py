"""The form about an exchange as a whole: what, when and how it runs."""

from __future__ import annotations

from datetime import datetime

from babel.numbers import get_currency_name
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired, Optional

from sneaky.exchanges.fields import MESSAGE_LENGTH, PLACE_LENGTH, ExchangeFields
from sneaky.web.choices import choice, zones
from sneaky.web.forms import BaseForm, Line, Paragraphs, at_most, name_field
from sneaky.web.organizer.fields import Amount, Days, WallTime
from sneaky.web.organizer.forms_people import LONGEST_LIST

_CURRENCIES = (
    *(
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "AUD",
        "BRL",
        "CAD",
        "CNY",
        "CZK",
        "DKK",
        "HKD",
        "HUF",
        "ILS",
        "INR",
        "ISK",
    ),
    *("JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "SGD", "TRY", "UAH", "ZAR"),
)


class ExchangeForm(BaseForm):
    """Everything there is to say about an exchange, on one page."""

    name = name_field(_l("What is it called?"), description=_l("Everybody who is invited reads it."))
    event_local = WallTime(_l("Date and time"), [InputRequired(_l("When do you meet?"))])
    zone = SelectField(_l("Time zone"), [InputRequired(_l("In which zone is that time?"))])
    place = Line(_l("Place"), [at_most(PLACE_LENGTH)])
    budget = Amount(_l("Budget"), [Optional()], description=_l("About what a present should cost."))
    currency = SelectField(_l("Currency"), default="EUR")
    message = Paragraphs(_l("A word to everybody"), [at_most(MESSAGE_LENGTH)])
    registration_ends_local = WallTime(
        _l("Joining closes"), [Optional()], description=_l("Leave it empty to close joining yourself.")
    )
    reminder_days = Days(
        _l("Reminders, days before"),
        default=[7, 3, 1],
        description=_l("Letters to everybody, such as 7, 3, 1. Empty means none."),
    )
    takes_part = BooleanField(
        _l("I take part myself"), description=_l("Then even you see nothing but your own match.")
    )

    people = Paragraphs(
        _l("Who takes part?"),
        [at_most(LONGEST_LIST)],
        description=_l(
            "One person a line: name, e-mail. Or leave it empty, and send the join link afterwards."
        ),
    )

    def __init__(self, fields: ExchangeFields | None = None, *, zone: str | None = None) -> None:
        super().__init__(obj=fields)
        if fields is not None:
            del self.people
        if fields is None and self.zone.data in {None, ""}:
            self.zone.data = zone or ""
        self.zone.choices = zones(_("Choose the zone"), also=[fields.zone if fields else None])
        codes = dict.fromkeys([*_CURRENCIES, *([fields.currency] if fields else [])])
        self.currency.choices = [choice(code, f"{code} – {_currency_name(code)}") for code in codes]

    def fields(self) -> ExchangeFields:
        """What was typed, for the room that checks and stores it."""
        return ExchangeFields(
            name=self.name.data or "",
            event_local=_known(self.event_local.data),
            zone=self.zone.data or "",
            place=self.place.data or "",
            message=self.message.data or "",
            budget=self.budget.data,
            currency=self.currency.data or "",
            registration_ends_local=self.registration_ends_local.data,
            reminder_days=self.reminder_days.data,
            takes_part=bool(self.takes_part.data),
        )


def _known(at: datetime | None) -> datetime:
    assert at is not None  # noqa: S101  (the form was validated)
    return at


def _currency_name(code: str) -> str:
    return str(get_currency_name(code, locale=get_locale()))
