"""What people fill in to come in."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField

from sneaky.web.choices import choice, zones
from sneaky.web.forms import (
    BaseForm,
    Line,
    at_most,
    mail_field,
    name_field,
    needed,
    new_password_field,
    password_field,
)
from sneaky.web.locales import LANGUAGES

_LONGEST_CODE = 20


class SetupForm(BaseForm):
    """The first organizer."""

    name = name_field(_l("Your name"), description=_l("Participants read it in their letters."))
    email = mail_field()
    password = new_password_field(_l("Password"))


class SignInForm(BaseForm):
    """An organizer comes in."""

    email = mail_field()
    password = password_field(_l("Password"))


class AddressForm(BaseForm):
    """Somebody wants a letter."""

    email = mail_field()


class InvitationForm(BaseForm):
    """Somebody becomes an organizer under the address that was invited."""

    name = name_field(_l("Your name"), description=_l("Participants read it in their letters."))
    password = new_password_field(_l("Password"))


class NewPasswordForm(BaseForm):
    """An organizer forgot the old one."""

    password = new_password_field(_l("New password"))


class AccountForm(BaseForm):
    """How we call and write to an organizer."""

    name = name_field(_l("Your name"), description=_l("Participants read it in their letters."))
    locale = SelectField(_l("Language of my pages and letters"))
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


class PasswordForm(BaseForm):
    """An organizer changes the password."""

    old_password = password_field(_l("Present password"))
    password = new_password_field(_l("New password"))


class CodeForm(BaseForm):
    """The code of a letter, typed in the browser that asked for it."""

    code = Line(_l("Code"), [needed(), at_most(_LONGEST_CODE)])
