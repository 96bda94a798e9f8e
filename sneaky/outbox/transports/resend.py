"""Letters by Resend's HTTP API, over one kept-alive connection."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from sneaky.core.clock import monotonic
from sneaky.core.errors import MailPermanent, MailRefused, MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.resend_events import TAG
from sneaky.outbox.transports.base import ServerAway, TakenBefore

API = "https://api.resend.com"
_TIMEOUT = urllib3.Timeout(connect=5.0, read=15.0)
_LONGEST_TURN = 5.0
_QUOTA_WAIT = 3600.0
_LONGEST_WAIT = 86_400.0
_LETTER_IS_WRONG = frozenset({400, 409, 413, 422})
_LATER = frozenset({408, 425})
# Set by Resend from the fields of the request.
_FROM_FIELDS = frozenset(
    {"from", "to", "subject", "reply-to", "date", "mime-version", "content-type", "content-transfer-encoding"}
)


@dataclass
class ResendTransport:
    """Sends one letter a request; `pause` waits for its turn where Resend says that its rate is spent."""

    key: str = field(repr=False)
    api: str = API
    pause: Callable[[float], None] = time.sleep
    _pool: urllib3.PoolManager | None = field(default=None, repr=False)
    _turn_at: float = 0.0

    def __enter__(self) -> Self:
        self._pool = urllib3.PoolManager(num_pools=1, retries=False, timeout=_TIMEOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        if self._pool is not None:
            self._pool.clear()

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Hand one letter over. Resend sends it once for one key, however often it is asked within a day."""
        self.pause(min(max(0.0, self._turn_at - monotonic()), _LONGEST_TURN))
        payload = _payload(message) | {"tags": [{"name": TAG, "value": idempotency_key}]}
        answer = self._post(json.dumps(payload).encode(), idempotency_key)
        self._note_rate(answer)
        said = _said(answer)
        if answer.status >= 300:
            raise _failure(answer, said)
        return f"accepted as {said.get('id', '')}"

    def _post(self, body: bytes, idempotency_key: str) -> urllib3.BaseHTTPResponse:
        if self._pool is None:
            raise RuntimeError("use this transport in a with block")
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key,
            "User-Agent": "sneaky-klaus",
        }
        try:
            return self._pool.request("POST", f"{self.api}/emails", body=body, headers=headers)
        except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
            raise ServerAway(f"No connection to Resend: {error}") from error
        except HTTPError as error:  # sent or not, who knows: the key makes the next try safe
            raise MailTransient(f"Resend did not answer: {error}") from error

    def _note_rate(self, answer: urllib3.BaseHTTPResponse) -> None:
        """Remember when our next turn is, once the requests of this moment are used up."""
        if _seconds(answer, "ratelimit-remaining") == 0:
            self._turn_at = monotonic() + (_seconds(answer, "ratelimit-reset") or 1.0)


def from_settings(settings: Settings) -> ResendTransport:
    """The transport for `resend://KEY`; `?api=URL` names another address of the API."""
    parts = urlsplit(settings.mail_url)
    api = parse_qs(parts.query).get("api", [API])[-1]
    return ResendTransport(key=parts.netloc, api=api.rstrip("/"))


def _payload(message: EmailMessage) -> dict[str, Any]:
    """The message as Resend's fields; its further headers go along."""
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    payload: dict[str, Any] = {
        "from": str(message["From"]),
        "to": [message["To"].addresses[0].addr_spec],
        "subject": str(message["Subject"]),
        "text": text.get_content() if text is not None else "",
        "html": html.get_content() if html is not None else "",
        "headers": {name: str(value) for name, value in message.items() if name.lower() not in _FROM_FIELDS},
    }
    if message["Reply-To"]:
        payload["reply_to"] = str(message["Reply-To"])
    attachments = [_attachment(part) for part in message.iter_attachments()]
    return payload | ({"attachments": attachments} if attachments else {})


def _attachment(part: EmailMessage) -> dict[str, str]:
    content = part.get_payload(decode=True)
    return {
        "filename": part.get_filename() or "",
        "content": b64encode(content if isinstance(content, bytes) else b"").decode(),
        "content_type": str(part["Content-Type"]),
    }


def _failure(
    answer: urllib3.BaseHTTPResponse, said: dict[str, Any]
) -> MailTransient | MailPermanent | MailRefused:
    """What an answer other than yes means (Resend's error reference, in our three kinds)."""
    status, name = answer.status, str(said.get("name", ""))
    told = " ".join(f"{status} {name} {said.get('message', '')}".split())
    wait = _seconds(answer, "retry-after")
    if status == 429:
        return ServerAway(told, retry_after=wait or (_QUOTA_WAIT if "quota" in name else 1.0))
    if status >= 500 or status in _LATER or name == "concurrent_idempotent_requests":
        return MailTransient(told, retry_after=wait)
    if name == "invalid_idempotent_request":
        return TakenBefore(told)
    if status in _LETTER_IS_WRONG and name != "invalid_from_address":
        return MailPermanent(told)
    return MailRefused(told)


def _said(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """The answer's JSON; a proxy in between may well answer something else."""
    try:
        said = json.loads(answer.data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _seconds(answer: urllib3.BaseHTTPResponse, name: str) -> float | None:
    """A header's number of seconds, a day at most; None where it says none that could be meant."""
    try:
        seconds = float(answer.headers[name])
    except (KeyError, ValueError):
        return None
    return min(seconds, _LONGEST_WAIT) if seconds >= 0 else None
