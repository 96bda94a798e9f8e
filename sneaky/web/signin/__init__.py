"""Coming in and going out."""

from flask import Blueprint

blueprint = Blueprint("signin", __name__)

from sneaky.web.signin import (  # noqa: E402, F401  (the views register themselves on the blueprint)
    views_account,
    views_accounts,
    views_doors,
    views_links,
)
