"""Idle memory of the served app, clock included, against bare Flask apps served alike. Linux only."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.harness import Parts, Row, at_most, pss_bytes, stop, wait_until

_MIB = 1 << 20
_ROUNDS = 3
_CHECKOUT = Path(__file__).parents[1]


def idle_memory() -> Iterator[Row]:
    """Fresh servers in turn; the median of each, as ratios and in MiB."""
    weighed = zip(
        *((idle_app(), idle_bare("hello"), idle_bare("libraries")) for _ in range(_ROUNDS)), strict=True
    )
    app, hello, libraries = (statistics.median(each) / _MIB for each in weighed)
    metric, note = "idle memory after start", f"{app:.0f} against {{:.0f}} MiB"
    yield at_most(1.9, app / hello, metric=metric, against="bare Flask hello", note=note.format(hello))
    yield at_most(
        1.3, app / libraries, metric=metric, against="libraries, doing nothing", note=note.format(libraries)
    )
    yield at_most(80, app, metric="idle memory, app and clock", against="—", unit=" MiB")


def idle_app() -> int:
    """Bytes of `sneaky serve` on a new SQLite instance, once the clock leads and a page was shown."""
    with tempfile.TemporaryDirectory() as folder:
        address = free_address()
        environment = {
            "SNEAKY_DATA_DIR": folder,
            "SNEAKY_MAIL_URL": f"file:{folder}/letters",
            "SNEAKY_BIND": address,
            "SNEAKY_BASE_URL": f"http://{address}",
        }
        sneaky = [sys.executable, "-m", "sneaky"]
        subprocess.run([*sneaky, "db", "upgrade"], env=environment, check=True, capture_output=True)
        return idle(
            [*sneaky, "serve"], environment, ready=f"http://{address}/readyz", page=f"http://{address}/"
        )


def idle_bare(name: str) -> int:
    """Bytes of one of the bare apps under gunicorn with the same workers and threads."""
    address = free_address()
    gunicorn = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread"]
    command = [*gunicorn, "--workers", "1", "--threads", "4", "--bind", address, f"bench.{name}:app"]
    return idle(command, {}, ready=f"http://{address}/", page=f"http://{address}/")


def idle(command: Sequence[str], environment: Mapping[str, str], *, ready: str, page: str) -> int:
    """Serve, wait until `ready` answers 200, ask once for `page`, and weigh the process with its children."""
    clean = {"PATH": os.defpath, "PYTHONPATH": str(_CHECKOUT), **environment}
    server = subprocess.Popen(command, env=clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(ready) or server.poll() is not None, timeout=60, what=ready)
        if not answers(page):
            raise RuntimeError(f"{' '.join(command)} does not answer {page}")
        return pss_bytes(server.pid)
    finally:
        stop(server)


def answers(url: str) -> bool:
    """Whether the address gives a page (redirects followed)."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 always http on loopback
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_address() -> str:
    """A loopback address and port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


PARTS: Parts = {"idle": idle_memory}
