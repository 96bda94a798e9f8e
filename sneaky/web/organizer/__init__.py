"""Pages for organizers."""

from flask import Blueprint

blueprint = Blueprint("organizer", __name__)

from sneaky.web.organizer import (  # noqa: E402, F401  (the views register themselves on the blueprint)
    views_draw,
    views_ending,
    views_exchanges,
    views_letters,
    views_people,
    views_repair,
    views_rules,
)
