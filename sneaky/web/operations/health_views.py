"""What machines ask about the clock: is all well, and the figures."""

from __future__ import annotations

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from sneaky.core.settings import settings
from sneaky.core.tokens import equal
from sneaky.jobs import health, metrics
from sneaky.web.operations import blueprint

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@blueprint.get("/health/jobs")
def health_jobs() -> ResponseReturnValue:
    """The clock and its jobs; 503 while it stands still."""
    report = health.jobs_report()
    return jsonify(report), 200 if report["scheduler"]["status"] == "healthy" else 503


@blueprint.get("/metrics")
def prometheus() -> ResponseReturnValue:
    """The figures, for whoever knows the token; without one the page does not exist."""
    token = settings().metrics_token
    if not token:
        abort(404)
    if not equal(request.headers.get("Authorization", ""), f"Bearer {token}"):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    return Response(metrics.metrics(), content_type=_PROMETHEUS)
