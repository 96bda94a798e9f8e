"""Pages anybody may open."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from sneaky.web.public import views, views_development, views_health, views_joining  # noqa: E402, F401
