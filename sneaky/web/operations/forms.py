"""What an admin fills in."""

from __future__ import annotations

from typing import cast

from flask_babel import lazy_gettext as _l
from wtforms import Field, SelectField
from wtforms.widgets import NumberInput

from sneaky.jobs.overview import JobLine
from sneaky.jobs.steering import as_number
from sneaky.jobs.timetable import Bound, Steps
from sneaky.web.forms import BaseForm, Line, at_most, mail_field, needed

_REASON_LENGTH = 200
_LABELS = {"hour": _l("Hour (UTC)"), "minute": _l("Minute"), "second": _l("Second")}
_STEP_LABELS = {
    "hour": _l("Every so many hours"),
    "minute": _l("Every so many minutes"),
    "second": _l("Every so many seconds"),
}


class HoldForm(BaseForm):
    """Every letter waits, and everybody who wonders reads why."""

    reason = Line(
        _l("Why?"),
        [needed(), at_most(_REASON_LENGTH)],
        description=_l("Admins read it here until letters go on."),
    )


class InviteForm(BaseForm):
    """Somebody may organize here."""

    email = mail_field()


class ScheduleForm(BaseForm):
    """The fields of a schedule that a job lets an admin change; the room that takes them checks them."""

    def wanted(self) -> dict[str, str]:
        """What was asked for, by cron field."""
        return {name: field.data or "" for name, field in self._fields.items() if name in _LABELS}


def schedule_form(job: JobLine) -> ScheduleForm:
    """The form for the schedule of `job`, filled with the one in force."""
    fields = {name: _field(name, bound) for name, bound in job.bounds.items()}
    form = type("ScheduleForm", (ScheduleForm,), fields)
    return cast("ScheduleForm", form(data={name: str(as_number(job.fields[name])) for name in job.bounds}))


def _field(name: str, bound: Bound) -> Field:
    if isinstance(bound, Steps):
        steps = {str(step): str(step) for step in bound.allowed}
        return SelectField(_STEP_LABELS[name], choices=steps, validate_choice=False)
    return Line(_LABELS[name], widget=NumberInput(min=bound.least, max=bound.most))
