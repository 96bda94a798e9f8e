"""What every form shares: clean text, errors beside the field, and a place for what a room refuses."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from types import TracebackType
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, PasswordField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from sneaky.access import addresses, passwords
from sneaky.core.errors import RuleBroken, TooMany
from sneaky.models.columns import EMAIL_LENGTH, NAME_LENGTH
from sneaky.web.wording import told

_LINE_BREAKS = {"\n", "\t"}
_MADE_BY_PHONES = str.maketrans(
    dict.fromkeys("‘’‚", "'") | dict.fromkeys("“”„", '"') | dict.fromkeys("–—", "-") | {"…": "..."}
)


class BaseForm(FlaskForm):  # type: ignore[misc, unused-ignore]
    """A form with our token that keeps what was typed; `retry_after` counts seconds, after too many tries."""

    retry_after: int | None = None

    def blaming_fields(self) -> _Blaming:
        """A block whose `RuleBroken` is shown beside the field it names, or above the form; then we go on.

        So is `TooMany`: whoever has to wait need not type everything anew.
        """
        return _Blaming(self)

    def blame(self, error: RuleBroken) -> None:
        """Put what a room refused where the person can see it."""
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(told(error))
        else:
            field.errors = [*field.errors, told(error)]

    def put_off(self, error: TooMany) -> None:
        """Say above the form how long to wait."""
        self.retry_after = error.retry_after
        self.form_errors.append(
            ngettext(
                "That was a lot of tries in a short time. Try again in %(num)d minute.",
                "That was a lot of tries in a short time. Try again in %(num)d minutes.",
                math.ceil(error.retry_after / 60),
            )
        )


class _Blaming:
    """Catches `RuleBroken` and `TooMany` for a form."""

    def __init__(self, form: BaseForm) -> None:
        self._form = form

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, RuleBroken):
            self._form.blame(error)
        elif isinstance(error, TooMany):
            self._form.put_off(error)
        else:
            return False
        return True


class Line(StringField):
    """One line of text: no control characters, no spaces around or doubled, an “ä” always one character."""

    data: str  # never None once the form was sent

    def process_formdata(self, valuelist: list[str]) -> None:
        """Clean what was typed."""
        super().process_formdata(valuelist)
        folded = " ".join(_printable(self.data or "", keep=set()).split())
        self.data = unicodedata.normalize("NFC", folded)


class Paragraphs(TextAreaField):
    """Text of several lines: no control characters but line breaks."""

    data: str  # never None once the form was sent

    def process_formdata(self, valuelist: list[str]) -> None:
        """Clean what was typed."""
        super().process_formdata(valuelist)
        text = (self.data or "").replace("\r\n", "\n").replace("\r", "\n")
        self.data = _printable(text, keep=_LINE_BREAKS).strip()


class MailAddress(EmailField):
    """A mail address as it was typed; the room that takes it checks it."""

    data: str  # never None once the form was sent

    def process_formdata(self, valuelist: list[str]) -> None:
        """Clean what was typed."""
        super().process_formdata(valuelist)
        self.data = _printable(self.data or "", keep=set()).strip()


class Password(PasswordField):
    """A password, as it was typed; it is never sent back to the page."""

    data: str  # never None once the form was sent

    def process_formdata(self, valuelist: list[str]) -> None:
        """Take what was typed."""
        self.data = valuelist[0] if valuelist else ""


def needed(message: Any = None) -> DataRequired:
    """The field must not be empty."""
    return DataRequired(_l("This is needed.") if message is None else message)


def at_most(length: int) -> Length:
    """The text has at most `length` characters."""
    return Length(max=length, message=_l("At most %(max)d characters, please."))


def name_field(label: Any, **options: Any) -> Line:
    """A person's or thing's name."""
    return Line(label, [needed(), at_most(NAME_LENGTH)], **options)


def mail_field(**options: Any) -> MailAddress:
    """Somebody's mail address."""
    checks = [needed(), at_most(EMAIL_LENGTH), _checked_by(addresses.normalise)]
    return MailAddress(_l("E-mail address"), checks, **options)


def password_field(label: Any, **options: Any) -> Password:
    """A password to get in with."""
    return Password(label, [needed(), at_most(passwords.LONGEST)], **options)


def new_password_field(label: Any, **options: Any) -> Password:
    """A password that somebody chooses."""
    options.setdefault(
        "description",
        _l("At least %(count)d characters; three or four words do well.", count=passwords.SHORTEST),
    )
    checks = [needed(), at_most(passwords.LONGEST), _checked_by(passwords.check)]
    return Password(label, checks, **options)


def _checked_by(check: Callable[[str], object]) -> Callable[[BaseForm, Field], None]:
    """A validator that asks the room now, so that every error of a form is told at once."""

    def validate(_form: BaseForm, field: Field) -> None:
        if field.errors:
            return
        try:
            check(field.data)
        except RuleBroken as error:
            raise ValidationError(told(error)) from None

    return validate


def is_typed_name(typed: str, expected: str) -> bool:
    """Whether a name was typed as it was shown, in any case; phones make quotes and dashes of their own."""
    return _plainly(typed) == _plainly(expected)


def form_page(template: str, form: BaseForm, **context: Any) -> tuple[str, int, dict[str, str]]:
    """The page of a form: fresh, come back with errors and status 422, or with 429 after too many tries."""
    html = render_template(template, form=form, **context)
    if form.retry_after:
        return html, 429, {"Retry-After": str(form.retry_after)}
    return html, 422 if form.errors else 200, {}


def _plainly(name: str) -> str:
    return " ".join(name.split()).casefold().translate(_MADE_BY_PHONES)


def _printable(text: str, *, keep: set[str]) -> str:
    """Without control characters: PostgreSQL cannot hold NUL, and nobody means the others."""
    return "".join(mark for mark in text if mark in keep or unicodedata.category(mark) not in {"Cc", "Cs"})
