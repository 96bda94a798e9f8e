"""A stand-in for Resend's API over real HTTP: keeps what it takes, honours keys, fails on demand."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

KEY = "re_Test_123"


@dataclass(frozen=True)
class Answer:
    """One prepared answer. With `is_lost` the letter is taken, and the connection ends without an answer."""

    status: int
    name: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    is_lost: bool = False


class ResendServer:
    """Listens on a free port of this machine inside its `with` block; `answers` are used up one a request.

    With a `rate` it takes so many requests a second and refuses the others, as Resend does.
    """

    def __init__(self, rate: int | None = None) -> None:
        self.refused_for_rate = 0
        self.answers: deque[Answer] = deque()
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.connections = 0
        self.headers: dict[str, str] = {}
        self._rate, self._window, self._in_window = rate, 0.0, 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="resend")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def api(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def mail_url(self) -> str:
        """The setting that sends letters here."""
        return f"resend://{KEY}?api={self.api}"

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  (`self` is the request's below)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # head and body leave in one piece; two would wait for each other

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                key = self.headers["Idempotency-Key"]
                with server._lock:
                    server.requests.append(payload)
                    server.keys.append(key)
                    told = server._count()
                    answer = server._answer(self.path, self.headers["Authorization"], key, payload)
                if answer.is_lost:
                    self.close_connection = True
                    return
                body = (answer.body or json.dumps(_said(answer, key))).encode()
                self.send_response(answer.status)
                for name, value in (server.headers | told | answer.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        return Handler

    def _count(self) -> dict[str, str]:
        """Count one request against the rate; what the headers say about it."""
        if self._rate is None:
            return {}
        at = time.monotonic()
        if at - self._window >= 1:
            self._window, self._in_window = at, 0
        self._in_window += 1
        reset = math.ceil(self._window + 1 - at)
        return {
            "ratelimit-remaining": str(max(0, self._rate - self._in_window)),
            "ratelimit-reset": str(reset),
        }

    def _answer(self, path: str, authorization: str, key: str, payload: dict[str, Any]) -> Answer:
        if self._rate is not None and self._in_window > self._rate:
            self.refused_for_rate += 1
            return Answer(429, "rate_limit_exceeded", headers={"retry-after": "1"})
        if path != "/emails" or authorization != f"Bearer {KEY}":
            return Answer(401, "missing_api_key", "Missing API key")
        answer = self.answers.popleft() if self.answers else Answer(200)
        if answer.status >= 300:
            return answer
        if self.taken.setdefault(key, payload) != payload:
            return Answer(409, "invalid_idempotent_request", "Same key, another payload")
        return answer


def _said(answer: Answer, key: str) -> dict[str, Any]:
    if answer.status < 300:
        return {"id": f"id-{key}"}
    return {"statusCode": answer.status, "name": answer.name, "message": answer.message}
