"""What every operations page knows: the zone in which its admin reads times."""

from __future__ import annotations

from flask import g

from sneaky.web.guards import organizer_or_none
from sneaky.web.operations import blueprint


@blueprint.context_processor
def zone_of_reader() -> dict[str, str]:
    """The admin's own zone (IANA), UTC until they choose one; an error page asks nobody."""
    admin = None if "asks_nobody" in g else organizer_or_none()
    return {"zone": (admin.zone if admin else None) or "UTC"}
