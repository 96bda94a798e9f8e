"""Resend's events: what it tells us afterwards about letters that it took (signed as Svix signs webhooks)."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sneaky.core.clock import now

TAG: Final = "letter"
_TOLERANCE: Final = timedelta(minutes=5)
_VERSION: Final = "v1"
_COMPLAINED: Final = "email.complained"
# The other events, and the part of each that says why.
_CAME_BACK: Final = {
    "email.bounced": "bounce",
    "email.failed": "failed",
    "email.suppressed": "suppressed",
}


@dataclass(frozen=True)
class Returned:
    """A letter that came back: as what the provider knows it, why, and whether its reader complained."""

    reference: str
    why: str
    is_complaint: bool


def is_signed(secret: bytes, body: bytes, *, message_id: str, sent_at: str, signatures: str) -> bool:
    """Whether Resend itself sent `body`, at most five minutes ago; the rest is what its headers said."""
    if not (message_id and sent_at.isascii() and sent_at.isdigit() and _is_fresh(sent_at)):
        return False
    signed = b".".join((message_id.encode(), sent_at.encode(), body))
    expected = f"{_VERSION},".encode() + b64encode(hmac.digest(secret, signed, "sha256"))
    # There may be several, while the secret is being changed; each is compared, whichever fits.
    given = signatures.encode().split()
    return any(hmac.compare_digest(expected, signature) for signature in given)


def read(body: bytes) -> Returned | None:
    """The letter that one event says has come back; None for an event about anything else."""
    try:
        event = json.loads(body)
    except ValueError:
        return None
    kind, data = (event.get("type"), event.get("data")) if isinstance(event, dict) else (None, None)
    if not isinstance(data, dict) or kind not in (_COMPLAINED, *_CAME_BACK):
        return None
    reference = _reference(data.get("tags"))
    return Returned(reference, _why(kind, data), kind == _COMPLAINED) if reference else None


def _is_fresh(sent_at: str) -> bool:
    at = now().timestamp()
    return len(sent_at) < 12 and abs(at - int(sent_at)) <= _TOLERANCE.total_seconds()


def _reference(tags: Any) -> str:
    """The tag with which we sent the letter; Resend documents a list of tags and sends an object."""
    if isinstance(tags, list):
        tags = {tag.get("name"): tag.get("value") for tag in tags if isinstance(tag, dict)}
    reference = tags.get(TAG) if isinstance(tags, dict) else None
    return reference if isinstance(reference, str) else ""


def _why(kind: str, data: dict[str, Any]) -> str:
    """In the receiving server's words where Resend passes them on, else in its own."""
    if kind == _COMPLAINED:
        return "complained: the reader marked this letter as unwanted"
    details = data.get(_CAME_BACK[kind])
    if not isinstance(details, dict):
        return "bounced"
    codes = details.get("diagnosticCode")
    code = codes[-1] if isinstance(codes, list) and codes else ""
    words = [code, details.get("message"), details.get("reason"), details.get("subType")]
    said = next((word for word in words if isinstance(word, str) and word.strip()), "bounced")
    return " ".join(said.removeprefix("smtp;").split())
