"""The app behind its real server, with a hello page beside its own: requests a second, and what one costs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from bench.harness import stop, wait_until
from bench.memory import answers, free_address
from sneaky import serving
from sneaky.access import sessions
from sneaky.core.db import db
from sneaky.core.settings import Settings, load
from sneaky.draws import conduct
from sneaky.models import Exchange
from tests import factories

HELLO = "/hello"
_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Served:
    """A running server."""

    address: str
    pid: int

    def ask(self, path: str, cookie: str, times: int) -> None:
        """Ask for a page so many times, over a new connection each, with no header it can do without.

        By hand, since what asks shares the processors with what answers.
        """
        host, _, port = self.address.rpartition(":")
        head = (
            f"GET {path} HTTP/1.1",
            f"Host: {self.address}",
            f"Cookie: sneaky={cookie}",
            "Connection: close",
        )
        request = "\r\n".join((*head, "", "")).encode()
        for _ in range(times):
            with socket.create_connection((host, int(port)), timeout=60) as line:
                line.sendall(request)
                answer = b"".join(iter(lambda: line.recv(1 << 16), b""))
            status = answer.partition(b"\r\n")[0].decode()
            assert status == "HTTP/1.1 200 OK", f"{path} answers {status}"

    def processor_seconds(self) -> float:
        """Seconds of processor time that the workers have used so far."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        threads = (task for child in children for task in Path(f"/proc/{child}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in threads) / 1e9

    def cost(self, path: str, cookie: str, times: int) -> float:
        """Mean seconds of processor time for one such page."""
        before = self.processor_seconds()
        self.ask(path, cookie, times)
        return (self.processor_seconds() - before) / times

    def rate(self, path: str, cookie: str, times: int, clients: int = 4) -> float:
        """Pages a second of wall time, for `clients` that ask `times` times each."""
        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(lambda _: self.ask(path, cookie, times), range(clients)))
        return clients * times / (time.perf_counter() - start)


def an_exchange_page(people: int) -> tuple[str, str]:
    """A drawn exchange of so many: the address of its page, and its organizer's cookie."""
    organizer_id = factories.an_organizer()
    exchange_id = factories.an_exchange(organizer_id)
    factories.participants(exchange_id, people)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    cookie = sessions.rotate(None, organizer_id=organizer_id, data={}).cookie
    db.session.remove()
    return f"/exchanges/{db.session.get_one(Exchange, exchange_id).public_id}", cookie


@contextmanager
def serving_instance(settings: Settings, *, workers: int = 1, pinned: bool = False) -> Iterator[Served]:
    """Serve the instance of `settings`; `pinned` keeps every worker on one processor."""
    address = free_address()
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(_CHECKOUT),
        "SNEAKY_DATA_DIR": str(settings.data_dir),
        "SNEAKY_DATABASE_URL": settings.database_url,
        "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
        "SNEAKY_SCHEDULER": "off",
        "SNEAKY_LOG_LEVEL": "WARNING",
        "SNEAKY_WORKERS": str(workers),
        "SNEAKY_BIND": address,
        "SNEAKY_BASE_URL": f"http://{address}",
    }
    command = [sys.executable, "-m", "bench.served"]
    if pinned:
        command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    try:
        wait_until(lambda: answers(f"http://{address}{HELLO}"), timeout=120, what=HELLO)
        yield Served(address, server.pid)
    finally:
        stop(server)


def _create_app(settings: Settings) -> Flask:
    from sneaky.app import create_app  # noqa: PLC0415  (only workers load the app, as in the real server)

    app = create_app(settings)
    app.add_url_rule(HELLO, "hello", lambda: "Hello")
    return app


if __name__ == "__main__":
    serving.serve(load()[0], _create_app)
