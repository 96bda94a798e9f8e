"""Pages for participants."""

from flask import Blueprint

blueprint = Blueprint("participant", __name__)
