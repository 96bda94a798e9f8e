"""The forms that mend a draw: who leaves, joins, swaps, or is stood in for."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, RadioField

from sneaky.core.errors import RuleBroken
from sneaky.draws.repair import Newcomer, Repair
from sneaky.exchanges.lookup import participant_id_for
from sneaky.exchanges.name_lists import read_lines
from sneaky.exchanges.naming import person_called
from sneaky.exchanges.pages.repair import RepairPage
from sneaky.web.choices import PeopleTicks, choice
from sneaky.web.forms import BaseForm, Paragraphs, at_most

_LONGEST_LIST = 20_000


class OnePerson(RadioField):
    """One of the people, to be chosen; who it may be is asked of the room."""

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(label, choices=[], validate_choice=False, **options)


class PeopleNames(Paragraphs):
    """People, typed one a line, where they are too many to tick."""

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(label, [at_most(_LONGEST_LIST)], **options)


class _PeopleForm(BaseForm):
    """A form about people of one exchange, ticked or typed."""

    def offer(self, page: RepairPage) -> None:
        """Say who can be ticked."""
        for field in self:
            if isinstance(field, (PeopleTicks, OnePerson)):
                field.choices = [choice(person.public_id, person.name) for person in page.people]

    def people(self, exchange_id: int, name: str) -> tuple[int, ...]:
        """Ids of those ticked in the field `name` or typed in its twin. Raises `RuleBroken`, `NotFound`."""
        chosen, typed = self[name].data or [], f"{name}_names"
        ticked = [chosen] if isinstance(chosen, str) else chosen
        named = [line for line in (self[typed].data or "").splitlines() if line.strip()]
        return (
            *(participant_id_for(exchange_id, public_id) for public_id in ticked),
            *(person_called(exchange_id, line, field=typed) for line in named),
        )


class RepairForm(_PeopleForm):
    """What happened; `is_sure` comes from the page that showed what it means for the draw as `seen` there."""

    leaving = PeopleTicks(_l("Who leaves?"))
    leaving_names = PeopleNames(_l("Who leaves?"), description=_l("One name or address a line."))
    joining = Paragraphs(
        _l("Who joins?"),
        [at_most(_LONGEST_LIST)],
        description=_l("One person a line: name, e-mail, and household if you like."),
    )
    swapping = PeopleTicks(_l("Who should get somebody else?"))
    swapping_names = PeopleNames(
        _l("Who should get somebody else?"), description=_l("One name or address a line.")
    )
    is_sure = HiddenField()
    seen = HiddenField()

    def repair(self, exchange_id: int) -> Repair:
        """What was asked for; raises `RuleBroken` where a line is wrong or nothing was asked."""
        preview = read_lines(self.joining.data or "", exchange_id)
        for row in preview.rows:
            if row.problem:
                raise row.blamed("joining")
        asked = Repair(
            leaving=self.people(exchange_id, "leaving"),
            joining=tuple(
                Newcomer(row.name, row.email, household=row.household or None) for row in preview.rows
            ),
            swapping=self.people(exchange_id, "swapping"),
        )
        if asked == Repair():
            raise RuleBroken("Say who leaves, joins, or should get somebody else.")
        return asked


class RescueForm(_PeopleForm):
    """Somebody who does not show up, and those who would give a second gift."""

    absent = OnePerson(_l("Who does not show up?"))
    absent_names = PeopleNames(_l("Who does not show up?"), description=_l("One name or address."))
    willing = PeopleTicks(_l("Who would give a second gift?"))
    willing_names = PeopleNames(
        _l("Who would give a second gift?"), description=_l("At least two, one name or address a line.")
    )

    def only_one(self, exchange_id: int) -> int:
        """The one who does not show up; raises `RuleBroken` for nobody or several."""
        absent = self.people(exchange_id, "absent")
        if len(absent) != 1:
            raise RuleBroken("Choose one person who does not show up.", field="absent")
        return absent[0]
