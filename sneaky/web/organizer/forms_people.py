"""The forms about people: one, many, and how they are mended."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField

from sneaky.models.columns import NAME_LENGTH
from sneaky.web.forms import BaseForm, Line, Paragraphs, at_most, mail_field, name_field

LONGEST_LIST = 900_000


class PersonForm(BaseForm):
    """One participant."""

    name = name_field(_l("Name"))
    email = mail_field()
    household = Line(
        _l("Household"),
        [at_most(NAME_LENGTH)],
        description=_l("Nobody gives inside a household, such as “Miller”."),
    )
    is_guarded = BooleanField(
        _l("The address is a guardian's"),
        description=_l("For children and others without mail: one address may serve several people."),
    )

    def added(self) -> dict[str, Any]:
        """What was typed about somebody new."""
        return self.corrected(with_household=True) | {"household": self.household.data or None}

    def corrected(self, *, with_household: bool) -> dict[str, Any]:
        """What was typed about somebody known; without the household where it cannot change any more."""
        return {
            "name": self.name.data or "",
            "email": self.email.data or "",
            "is_guarded": bool(self.is_guarded.data),
            "household": (self.household.data or "") if with_household else None,
        }


class LinesForm(BaseForm):
    """Many people as lines, pasted or from a file; `is_sure` comes with the preview of them."""

    lines = Paragraphs(
        _l("Names and addresses"),
        [at_most(LONGEST_LIST)],
        description=_l("One person a line: name, e-mail, and household if you like."),
    )
    file = FileField(_l("Or a CSV file"), description=_l("Columns: name, e-mail, household."))
    is_sure = HiddenField()

    def text(self) -> str:
        """The lines of the file if there is one, else the pasted ones.

        Old spreadsheets write Latin-1, and UTF-16 where they call it Unicode.
        """
        upload = self.file.data
        content: bytes = upload.read() if upload else b""
        if not content:
            return self.lines.data or ""
        if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return content.decode("utf-16", errors="replace")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("cp1252", errors="replace")
