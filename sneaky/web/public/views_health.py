"""What machines ask: is the process alive, and may it be sent people."""

from __future__ import annotations

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from sneaky.jobs.health import reasons_not_ready
from sneaky.web.public import blueprint


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nobody is asked."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 while people may be sent here; 503 with the reasons where database, outbox or clock fail."""
    reasons = reasons_not_ready()
    return jsonify(status="not ready" if reasons else "ready", reasons=reasons), 503 if reasons else 200
