"""Pages for participants."""

from flask import Blueprint

blueprint = Blueprint("participant", __name__)

from sneaky.web.participant import (  # noqa: E402, F401  (the views register themselves on the blueprint)
    views_giving,
    views_home,
    views_leaving,
    views_self,
    views_wishes,
)
