"""Coming in and going out."""

from flask import Blueprint

blueprint = Blueprint("signin", __name__)

from sneaky.web.signin import views_accounts, views_doors, views_links  # noqa: E402, F401
