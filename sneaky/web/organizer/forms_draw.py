"""The forms of the draw, and of everything that asks to be sure."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, HiddenField
from wtforms.validators import ValidationError

from sneaky.web.forms import BaseForm, Line, is_typed_name, needed


class DrawForm(BaseForm):
    """One button, and the way past a mail set-up that has not shown yet that it works."""

    anyway = BooleanField(_l("Draw anyway; I hand out the links myself if letters do not arrive"))


class SureForm(BaseForm):
    """Typed confirmation of what destroys: the name of the exchange, in any case."""

    name = Line(_l("Type the name of the exchange to go on"), [needed()])

    def __init__(self, expected: str) -> None:
        super().__init__()
        self._expected = expected

    def validate_name(self, field: Field) -> None:
        """Hold what was typed against the name."""
        if not is_typed_name(field.data, self._expected):
            raise ValidationError(_("Please type the name as it stands above: %(name)s", name=self._expected))


class RedrawForm(SureForm):
    """The same before a draw takes the place of one that is there; `seen` is what the page showed of it."""

    seen = HiddenField()
