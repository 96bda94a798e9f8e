"""What every door does once somebody has proved who they are."""

from __future__ import annotations

import secrets

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from sneaky.web.guards import browser_session
from sneaky.web.session_interface import BROWSER_SECRET


def let_organizer_in(organizer_id: int, greeting: str = "", *, to: str | None = None) -> ResponseReturnValue:
    """Begin an organizer's session and show the page `to`, else the exchanges."""
    browser_session().sign_in(organizer_id=organizer_id)
    if greeting:
        flash(greeting, "ok")
    return redirect(to or url_for("organizer.dashboard"), 303)


def let_participant_in(participant_id: int, greeting: str = "") -> ResponseReturnValue:
    """Begin a participant's session and show their page, under an address without any token."""
    browser_session().sign_in(participant_id=participant_id)
    if greeting:
        flash(greeting, "ok")
    return redirect(url_for("participant.home"), 303)


def network_address() -> str:
    """Where the request comes from, as far as the trusted proxies tell; empty over a unix socket."""
    return request.remote_addr or ""


def browser_secret() -> str:
    """What only this browser knows; the code of a letter works here and nowhere else."""
    session = browser_session()
    if BROWSER_SECRET not in session:
        session[BROWSER_SECRET] = secrets.token_urlsafe(16)
    return str(session[BROWSER_SECRET])
