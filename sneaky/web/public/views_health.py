"""What machines ask: is the process alive, and may it be sent people."""

from __future__ import annotations

from flask import Response
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from sneaky.core.db import db
from sneaky.web.public import blueprint


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nobody is asked."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """The database answers too; otherwise the page for 503."""
    db.session.execute(text("SELECT 1"))
    return Response("ready\n", mimetype="text/plain")
