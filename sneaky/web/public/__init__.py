"""Pages anybody may open."""

from flask import Blueprint

blueprint = Blueprint("public", __name__)

from sneaky.web.public import (  # noqa: E402
    views,  # noqa: F401
    views_development,  # noqa: F401
    views_health,  # noqa: F401
    views_joining,  # noqa: F401
    views_webhooks,  # noqa: F401
)
