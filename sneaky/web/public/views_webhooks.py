"""Where the mail provider tells us afterwards what became of a letter."""

from __future__ import annotations

from typing import Final

from flask import Response, request
from flask.typing import ResponseReturnValue

from sneaky.core.errors import Forbidden, NotFound
from sneaky.core.settings import settings
from sneaky.exchanges import complaints
from sneaky.outbox import resend_events
from sneaky.web.origins import takes_foreign_requests
from sneaky.web.public import blueprint

_LARGEST_EVENT: Final = 64 * 1024


@blueprint.post("/webhooks/resend")
@takes_foreign_requests
def resend_event() -> ResponseReturnValue:
    """Take one event from Resend; every signed one is answered alike, whatever it is about."""
    secret = settings().resend_webhook_secret
    if not secret:
        raise NotFound
    request.max_content_length = _LARGEST_EVENT
    body = request.get_data(cache=False)
    is_theirs = resend_events.is_signed(
        secret,
        body,
        message_id=request.headers.get("svix-id", ""),
        sent_at=request.headers.get("svix-timestamp", ""),
        signatures=request.headers.get("svix-signature", ""),
    )
    if not is_theirs:
        raise Forbidden
    returned = resend_events.read(body)
    if returned is not None:
        complaints.take_back(returned)
    return Response(status=204)
