"""Heartbeats: the right address, no delay for the job, no harm when nobody answers."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sneaky.core.clock import monotonic
from sneaky.executions import heartbeat
from sneaky.executions.heartbeat import Heart


class Watcher(ThreadingHTTPServer):
    """A dead-man switch that writes down which paths were asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.paths: list[str] = []
        self.answers = threading.Event()
        self.answers.set()
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ping/secret"


class _Answer(BaseHTTPRequestHandler):
    server: Watcher

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.answers.wait(5)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_what: object) -> None:
        """Say nothing."""


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    server = Watcher()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.answers.set()
    server.shutdown()
    server.server_close()


def done(heart: Heart) -> None:
    heart.rest(60)
    heart._http.clear()


def test_start_success_and_failure_have_their_own_addresses(watcher: Watcher) -> None:
    heart = Heart(watcher.url + "/")
    heart.started("purge_old_exchanges")
    heart.ended("purge_old_exchanges", is_success=True)
    heart.ended("purge_old_exchanges", is_success=False)
    done(heart)
    job = "/ping/secret/purge_old_exchanges"
    assert watcher.paths == [f"{job}/start", job, f"{job}/fail"]


def test_a_tick_is_told_once_a_minute_and_its_failure_at_once(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [1000.0]
    monkeypatch.setattr(heartbeat, "monotonic", lambda: seconds[0])
    heart = Heart(watcher.url)
    for passed, is_success in ((0, True), (30, True), (1, False), (40, True), (30, True)):
        seconds[0] += passed
        heart.ticked("tick", is_success=is_success)
    done(heart)
    paths = [path.removeprefix("/ping/secret/") for path in watcher.paths]
    assert paths == ["tick", "tick/fail", "tick"]


def test_a_watcher_that_hangs_delays_nobody_and_fills_no_memory(watcher: Watcher) -> None:
    watcher.answers.clear()
    heart = Heart(watcher.url, read=0.2)
    began = monotonic()
    for _ in range(500):
        heart.started("job")
    assert monotonic() - began < 20  # one after the other they would take a hundred seconds
    assert heart._waiting.qsize() <= 100
    watcher.answers.set()
    done(heart)


A_PROCESS = """
import sys
from sneaky.executions.heartbeat import Heart
heart = Heart(sys.argv[1])
for _ in range(int(sys.argv[2])):
    heart.started("job")
"""


def test_a_process_that_ends_waits_for_its_pings_but_not_for_a_watcher_that_hangs(watcher: Watcher) -> None:
    def seconds(pings: int) -> float:
        began = monotonic()
        subprocess.run([sys.executable, "-c", A_PROCESS, watcher.url, str(pings)], check=True)
        return monotonic() - began

    seconds(2)
    assert watcher.paths == ["/ping/secret/job/start"] * 2
    watcher.answers.clear()
    assert seconds(20) < 30  # one after the other they would take a hundred


@pytest.mark.parametrize(
    ("status", "words"), [(500, "heartbeat refused"), (301, "heartbeat refused"), (0, "heartbeat not heard")]
)
def test_trouble_with_the_watcher_is_logged_without_its_address(
    watcher: Watcher, caplog: pytest.LogCaptureFixture, status: int, words: str
) -> None:
    watcher.status = status
    heart = Heart(watcher.url if status else "http://127.0.0.1:9/secret")
    with caplog.at_level(logging.WARNING):
        heart.started("job")
        done(heart)
    assert words in caplog.text
    assert "secret" not in caplog.text


def test_without_an_address_nothing_is_sent() -> None:
    heart = Heart("")
    heart.started("job")
    assert heart._waiting.qsize() == 0
