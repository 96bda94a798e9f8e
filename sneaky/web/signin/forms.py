"""What people fill in to come in."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

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


class CodeForm(BaseForm):
    """The code of a letter, typed in the browser that asked for it."""

    code = Line(_l("Code"), [needed(), at_most(_LONGEST_CODE)])


class PressForm(BaseForm):
    """A button, and nothing to fill in."""
