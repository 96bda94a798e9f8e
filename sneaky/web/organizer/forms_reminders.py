"""The form of the reminders."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField

from sneaky.web.forms import BaseForm
from sneaky.web.organizer.fields import Days


class RemindersForm(BaseForm):
    """Whether reminders go out, and on which days before the date."""

    is_on = BooleanField(_l("Send reminders"))
    days = Days(_l("Days before"), description=_l("Separated by commas, such as 7, 3, 1."))
