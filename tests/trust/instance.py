"""A real instance as people have it: gunicorn with two workers, https, and one proxy in front."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from flask import Flask

from sneaky.app import create_app
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.core.settings import Settings
from tests.postgres import free_port
from tests.web.signing_in import csrf_token

ROOT = Path(__file__).parents[2]
HOST = "klaus.example.org"
BASE_URL = f"https://{HOST}"
COOKIE = "__Host-sneaky"
_REDIRECTS = {301, 302, 303, 307, 308}

_visitors = itertools.count(1)


class Instance:
    """Serves a data folder that a test also looks into, with an app of the same settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = replace(settings, base_url=BASE_URL, trusted_proxies=1, workers=2, signup="open")
        self.port = free_port()
        self.app: Flask = create_app(self.settings)
        self._log = settings.data_dir / "served.log"
        variables = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "SNEAKY_DATA_DIR": str(settings.data_dir),
            "SNEAKY_DATABASE_URL": settings.database_url,
            "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
            "SNEAKY_BIND": f"127.0.0.1:{self.port}",
            "SNEAKY_BASE_URL": BASE_URL,
            "SNEAKY_TRUSTED_PROXIES": "1",
            "SNEAKY_WORKERS": "2",
            "SNEAKY_SIGNUP": "open",
            "SNEAKY_MAIL_URL": settings.mail_url,
            "SNEAKY_LOG_LEVEL": "DEBUG",
        }
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sneaky.serving"],
                cwd=settings.data_dir,
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._answers, "the instance answers")

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log
        with suppress(OSError):
            return Browser(self).open("/healthz").status == 200
        return False

    @property
    def log(self) -> str:
        """What it wrote to its log so far."""
        return self._log.read_text(encoding="utf-8")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The block reads and writes the instance's own database, as rooms do."""
        with self.app.app_context():
            yield
            db.session.remove()

    def end(self) -> None:
        """Stop it as an operator would; kill it if it does not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            with self.app.app_context():
                db.engine.dispose()


@dataclass(frozen=True)
class Answer:
    """What came back, each header under its lower-case name."""

    status: int
    headers: Mapping[str, str]
    text: str
    cookies: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it sends the browser."""
        return self.headers.get("location", "")

    def alike(self) -> tuple[int, dict[str, str], str]:
        """What must be the same for two askers: all of it, but form tokens, cookies and the time of day."""
        kept = {name: value for name, value in self.headers.items() if name not in {"date", "set-cookie"}}
        text = self.text
        while 'name="csrf_token" value="' in text:
            text = text.replace(f'name="csrf_token" value="{csrf_token(text)}"', "")
        kept.pop("content-length", None)
        return self.status, kept, text


class Browser:
    """Somebody's browser behind the proxy: one network address, one cookie, and no script."""

    def __init__(self, instance: Instance, *, ip: str = "", cookie: str = "") -> None:
        number = next(_visitors)
        self.ip = ip or f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.cookie = cookie
        self._port = instance.port

    def ask(
        self,
        method: str,
        where: str,
        *,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; a header that is given empty is left out."""
        sent = {
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": self.ip,
            "Cookie": f"{COOKIE}={self.cookie}" if self.cookie else "",
        }
        if form is not None:
            body = urlencode(form).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if method not in {"GET", "HEAD", "OPTIONS"}:
            sent |= {"Origin": BASE_URL, "Sec-Fetch-Site": "same-origin"}
        sent |= headers or {}
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            line.request(method, where, body, {name: value for name, value in sent.items() if value})
            came = line.getresponse()
            text = came.read().decode("utf-8", errors="replace")
        finally:
            line.close()
        answer = Answer(
            came.status,
            {name.lower(): value for name, value in came.getheaders()},
            text,
            tuple(value for name, value in came.getheaders() if name.lower() == "set-cookie"),
        )
        for cookie in answer.cookies:
            morsel = SimpleCookie(cookie).get(COOKIE)
            self.cookie = morsel.value if morsel is not None else self.cookie
        return answer

    def open(self, where: str) -> Answer:
        """Open an address of this instance, and whatever it leads on to."""
        answer = self.ask("GET", where)
        while answer.status in _REDIRECTS:
            where = urljoin(where, answer.place)
            assert not urlsplit(where).netloc or where.startswith(f"{BASE_URL}/"), where
            parts = urlsplit(where)
            answer = self.ask("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path)
        return answer

    def press(self, where: str, *, on: str = "", **typed: str) -> Answer:
        """Send a form from the page `on` (default: `where` itself) with these fields; stays at the answer."""
        token = csrf_token(self.open(on or where).text)
        return self.ask("POST", where, form={"csrf_token": token, **typed})


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Look again and again until `condition` holds; fail with `what` after so many seconds."""
    deadline, pause = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < deadline, f"never happened: {what}"
        pause.wait(0.05)
