"""Pages for the admin: jobs, letters, health."""

from flask import Blueprint

blueprint = Blueprint("operations", __name__)
