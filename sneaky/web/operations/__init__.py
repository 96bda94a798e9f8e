"""Pages for the admin: jobs, letters, health."""

from flask import Blueprint

blueprint = Blueprint("operations", __name__)

from sneaky.web.operations import (  # noqa: E402, F401  (the views register themselves on the blueprint)
    audit_words,
    frame,
    health_views,
    views_executions,
    views_instance,
    views_jobs,
    views_letters,
    views_outbox,
    words,
)
