"""What somebody fills in to take part."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from sneaky.exchanges.registration import IDEAS_LENGTH
from sneaky.models.columns import NAME_LENGTH
from sneaky.web.forms import BaseForm, Line, Paragraphs, at_most, mail_field, name_field


class JoinForm(BaseForm):
    """Somebody joins an exchange by its link."""

    name = name_field(_l("Your name"), description=_l("As the others know you; one of them will read it."))
    email = mail_field(description=_l("Your letters go there. Only the organizer sees it."))
    household_name = Line(
        _l("I live with"),
        [at_most(NAME_LENGTH)],
        description=_l(
            "A name that all of you enter alike, such as “The Millers”. Nobody gives inside a household."
        ),
    )
    ideas = Paragraphs(
        _l("Ideas for your wish list"),
        [at_most(IDEAS_LENGTH)],
        description=_l("One a line. You can change them until the day."),
    )
