"""What the operations pages share: the zone in which their admin reads times, and their borders."""

from __future__ import annotations

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue

from sneaky.core.errors import NotFound
from sneaky.web.guards import admin_only, organizer_or_none
from sneaky.web.operations import blueprint


@blueprint.context_processor
def zone_of_reader() -> dict[str, str]:
    """The admin's own zone (IANA), UTC until they choose one; an error page asks nobody."""
    admin = None if "asks_nobody" in g else organizer_or_none()
    return {"zone": (admin.zone if admin else None) or "UTC"}


@blueprint.get("/operations")
@admin_only
def entrance() -> ResponseReturnValue:
    """The pages begin with the jobs."""
    return redirect(url_for(".jobs"))


@blueprint.route("/operations/<path:_anywhere>", methods=["GET", "POST"])
@admin_only
def nowhere(_anywhere: str) -> ResponseReturnValue:
    """Absent pages answer strangers exactly as present ones do."""
    raise NotFound
