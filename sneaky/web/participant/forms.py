"""What participants fill in."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, HiddenField, SelectField
from wtforms.validators import ValidationError

from sneaky.conversations import BODY_LENGTH
from sneaky.exchanges.participants import ADDRESS_LENGTH
from sneaky.web.choices import choice, zones
from sneaky.web.forms import BaseForm, Line, Paragraphs, at_most, is_typed_name, needed
from sneaky.web.locales import LANGUAGES
from sneaky.wishlists import TITLE_LENGTH
from sneaky.wishlists.lists import NOTE_LENGTH, URL_LENGTH


class WishForm(BaseForm):
    """One idea for the wish list."""

    title = Line(_l("What would you like?"), [needed(), at_most(TITLE_LENGTH)])
    url = Line(
        _l("Link"), [at_most(URL_LENGTH)], description=_l("Where it can be seen, if you know a place.")
    )
    note = Paragraphs(_l("A word about it"), [at_most(NOTE_LENGTH)], description=_l("Size, colour, why."))

    def wish(self) -> dict[str, str]:
        """The idea, for the room that keeps it."""
        return {"title": self.title.data or "", "url": self.url.data or "", "note": self.note.data or ""}


class MessageForm(BaseForm):
    """One message of a conversation; `about` tells a giver's page of an earlier recipient from one of now."""

    body = Paragraphs(_l("Your message"), [needed(), at_most(BODY_LENGTH)])
    about = HiddenField()


class PreferencesForm(BaseForm):
    """Which letters come, in which language, and whose clock counts."""

    wants_reminders = BooleanField(_l("Remind me before the day"))
    wants_notices = BooleanField(
        _l("Tell me about messages and changed wish lists"),
        description=_l("At most one letter a day for each."),
    )
    locale = SelectField(_l("Language"))
    zone = SelectField(
        _l("My time zone"), description=_l("Times are shown in it beside those of the exchange.")
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.locale.choices = [
            choice("", _("As my browser says")),
            *(choice(*each) for each in LANGUAGES.items()),
        ]
        self.zone.choices = zones(_("As my browser says"), also=[self.zone.data])

    def chosen(self) -> dict[str, Any]:
        """The preferences, for the room that stores them."""
        return {
            "wants_reminders": bool(self.wants_reminders.data),
            "wants_notices": bool(self.wants_notices.data),
            "locale": self.locale.data or None,
            "zone": self.zone.data or None,
        }


class AddressForm(BaseForm):
    """Where the gift may be sent to."""

    postal_address = Paragraphs(
        _l("Postal address"),
        [at_most(ADDRESS_LENGTH)],
        description=_l("Only the person who gives to you sees it. Leave it empty to take it out."),
    )


class ForgetForm(BaseForm):
    """Typed confirmation of what cannot be brought back: one's own name."""

    name = Line(_l("Type your name to go on"), [needed()])

    def __init__(self, expected: str) -> None:
        super().__init__()
        self._expected = expected

    def validate_name(self, field: Field) -> None:
        """Hold what was typed against the name."""
        if not is_typed_name(field.data, self._expected):
            raise ValidationError(_("Please type it as it stands above: %(name)s", name=self._expected))
