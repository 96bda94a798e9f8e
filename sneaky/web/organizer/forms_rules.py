"""The forms of the rules page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, RadioField
from wtforms.validators import ValidationError

from sneaky.exchanges.pages.rules import PersonRules
from sneaky.models import AvoidLastYear
from sneaky.models.columns import EMAIL_LENGTH, NAME_LENGTH
from sneaky.web.choices import PeopleTicks, choice
from sneaky.web.forms import BaseForm, Line, at_most, needed


class ExclusionForm(BaseForm):
    """Who may not give to whom, by name."""

    giver = Line(_l("Who"), [needed(), at_most(EMAIL_LENGTH)])
    recipient = Line(_l("must not give to"), [needed(), at_most(EMAIL_LENGTH)])
    is_mutual = BooleanField(_l("Nor the other way round"), default=True)


class HouseholdForm(BaseForm):
    """Who lives together: ticked where they are few, typed where they are many."""

    people = PeopleTicks(_l("Who lives together?"))
    person = Line(_l("Who"), [at_most(EMAIL_LENGTH)])
    household = Line(_l("Name of the household"), [needed(), at_most(NAME_LENGTH)])

    def offer(self, people: Iterable[PersonRules]) -> None:
        """Say who can be ticked."""
        self.people.choices = [choice(person.public_id, person.name) for person in people]

    def validate_household(self, _field: Field) -> None:
        """Somebody has to live there."""
        if not self.people.data and not self.person.data:
            raise ValidationError(_("Choose who lives there."))


class OptionsForm(BaseForm):
    """How the draw is made."""

    no_reciprocal = BooleanField(
        _l("No two people give to each other"),
        description=_l("If Ann gives to Bob, Bob gives to somebody else."),
    )
    single_loop = BooleanField(
        _l("One big circle"),
        description=_l("Everybody is in one chain of giving; nice for a shared evening."),
    )
    avoid_last_year = RadioField(
        _l("Earlier matches"),
        choices=[
            choice(AvoidLastYear.OFF.value, _l("may come again")),
            choice(AvoidLastYear.SOFT.value, _l("rather not, as far as possible")),
            choice(AvoidLastYear.HARD.value, _l("never again")),
        ],
    )

    def chosen(self) -> dict[str, Any]:
        """The options, for the room that stores them."""
        return {
            "no_reciprocal": bool(self.no_reciprocal.data),
            "single_loop": bool(self.single_loop.data),
            "avoid_last_year": AvoidLastYear(self.avoid_last_year.data),
        }
