"""Pages for the admin: jobs, letters, health."""

from flask import Blueprint

blueprint = Blueprint("operations", __name__)

from sneaky.web.operations import health_views  # noqa: E402, F401
