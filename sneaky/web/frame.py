"""What the frame of every page shows: where one can go, how to sign out, which languages there are."""

from __future__ import annotations

from typing import Any

from flask import Flask, g, has_request_context, request
from flask_babel import get_locale

from sneaky import __version__
from sneaky.web import locales
from sneaky.web.addresses import address
from sneaky.web.guards import organizer_or_none, participant_or_none
from sneaky.web.locales import word as _


def init_app(app: Flask) -> None:
    """Give every template what base.html asks for."""
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    if not has_request_context():
        return {}
    calm: dict[str, Any] = {"current_locale": str(get_locale())}
    if "asks_nobody" in g:
        return calm
    is_anybody = bool(organizer_or_none() or participant_or_none())
    return calm | {
        "app_version": __version__,
        "home_url": address("public.home"),
        "nav_items": list(_places()),
        "sign_out_url": address("signin.sign_out") if is_anybody else "",
        "languages": locales.choices(),
        "language_url": address("public.language"),
        "privacy_url": address("public.privacy"),
    }


def _places() -> list[tuple[str, str, bool]]:
    """Where this person can go, as (address, word, whether we are there)."""
    organizer, participant = organizer_or_none(), participant_or_none()
    places = []
    if organizer:
        places.append(("organizer.dashboard", _("Exchanges"), request.blueprint == "organizer"))
    if participant:
        places.append(("participant.home", _("My page"), request.blueprint == "participant"))
    if organizer and organizer.is_admin:
        places.append(("operations.jobs", _("Operations"), request.blueprint == "operations"))
    if organizer:
        places.append(("signin.account", _("Account"), request.endpoint == "signin.account"))
    return [(address(endpoint), word, is_here) for endpoint, word, is_here in places]
