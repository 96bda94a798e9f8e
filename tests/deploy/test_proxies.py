"""nginx and Caddy with our own examples, on loopback in front of the app: https, who asks, how much."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import request
from werkzeug.serving import make_server

from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.settings import Settings
from tests.certificates import Authority, an_authority
from tests.faults.processes import wait_until
from tests.house.source import ROOT
from tests.postgres import free_port
from tests.programs import path_of

HOST = "klaus.example.org"
DEPLOY = ROOT / "deploy"


@dataclass
class Proxy:
    """A proxy that runs: its two ports, and how to ask it under our name."""

    http_port: int
    https_port: int
    trust: Callable[[], ssl.SSLContext]

    def is_certified(self) -> bool:
        """Whether it answers over https already."""
        with suppress(OSError):  # which errors of TLS are
            return self.ask("/healthz")[0] == 200
        return False

    def ask(
        self,
        path: str,
        *,
        is_https: bool = True,
        body: bytes | None = None,
        forged: dict[str, str] | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of the answer; with a body it is a POST."""
        sock = socket.create_connection(("127.0.0.1", self.https_port if is_https else self.http_port), 20)
        if is_https:
            sock = self.trust().wrap_socket(sock, server_hostname=HOST)
        connection = http.client.HTTPConnection(HOST)
        connection.sock = sock
        with closing(connection):
            with suppress(ConnectionError):  # a proxy that has read enough may close before we are done
                connection.request(
                    "GET" if body is None else "POST", path, body, {"Host": HOST, **(forged or {})}
                )
            with connection.getresponse() as answer:
                try:
                    told = answer.read()
                except (
                    http.client.IncompleteRead
                ) as cut:  # the app has refused what it has not read, and left
                    told = cut.partial
                return answer.status, answer.headers, told


@pytest.fixture
def served(settings: Settings) -> Iterator[int]:
    """The app behind one proxy, under its name, telling who asks; and the port it listens on."""
    app = create_app(replace(settings, base_url=f"https://{HOST}", trusted_proxies=1))
    app.add_url_rule("/who", view_func=lambda: {"ip": request.remote_addr, "url": request.url})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(20)
    server.server_close()
    with app.app_context():
        db.engine.dispose()


@contextmanager
def running(command: list[str], folder: Path, ports: tuple[int, int]) -> Iterator[None]:
    """A proxy that listens; it is ended afterwards."""
    log = folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env={"HOME": str(folder), "PATH": "/usr/bin"}
        )
    try:
        wait_until(lambda: all(map(listens, ports)) or process.poll() is not None, "it listens", 60)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, backend: int, authority: Authority) -> Iterator[Proxy]:
    authority.server(HOST)
    pem = folder / f"{HOST}.pem"
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"^.*listen \[::\].*\n", "", text, flags=re.MULTILINE)
    for ours, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443", f"listen 127.0.0.1:{secure}"),
        ("127.0.0.1:8000", f"127.0.0.1:{backend}"),
        ("fullchain.pem", "privkey.pem"),
        (f"/etc/letsencrypt/live/{HOST}/privkey.pem", str(pem)),
    ):
        assert ours in text
        text = text.replace(ours, here)
    places = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {places}\n"
    configuration = folder / "nginx.conf"
    configuration.write_text(f"{around}{text}}}")
    program = path_of("nginx")
    subprocess.run([program, "-t", "-p", folder, "-c", configuration], check=True, capture_output=True)
    command = [program, "-p", str(folder), "-c", str(configuration)]
    with running(command, folder, (plain, secure)):
        yield Proxy(plain, secure, lambda: ssl.create_default_context(cafile=str(authority.file)))


@contextmanager
def caddy(folder: Path, backend: int, _authority: Authority) -> Iterator[Proxy]:
    plain, secure = free_port(), free_port()
    text = (DEPLOY / "Caddyfile").read_text()
    assert "web-1:8000 web-2:8000" in text
    text = text.replace("web-1:8000 web-2:8000", f"127.0.0.1:{backend}")
    here = f"admin off\nlocal_certs\nskip_install_trust\nhttp_port {plain}\nhttps_port {secure}\n"
    configuration = folder / "Caddyfile"
    configuration.write_text(f"{{\n{here}default_bind 127.0.0.1\n}}\n{text}")
    command = [path_of("caddy"), "run", "--config", str(configuration), "--adapter", "caddyfile"]
    with running(command, folder, (plain, secure)):
        root = folder / ".local/share/caddy/pki/authorities/local/root.crt"
        made = Proxy(plain, secure, lambda: ssl.create_default_context(cafile=str(root)))
        wait_until(made.is_certified, "Caddy has made its certificate", 60)
        yield made


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path, served: int) -> Iterator[Proxy]:
    """Each proxy in turn, with our example, in front of the app."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    with request.param(folder, served, an_authority(folder)) as made:
        yield made


@pytest.mark.slow
def test_a_proxy_of_our_examples_does_what_the_app_relies_on(proxy: Proxy) -> None:
    status, headers, _body = proxy.ask("/j/abc?x=1", is_https=False)
    assert status in {301, 308}
    assert re.fullmatch(rf"https://{HOST}(:{proxy.https_port})?/j/abc\?x=1", headers["Location"])

    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}
    _status, _headers, body = proxy.ask("/who?x=1", forged=forged)
    assert json.loads(body) == {"ip": "127.0.0.1", "url": f"https://{HOST}/who?x=1"}

    status, headers, _body = proxy.ask("/sign-in")
    assert status == 200
    assert "max-age" in headers["Strict-Transport-Security"]
    # Caddy passes on while it reads, so it may find the app's side closed before it has counted enough.
    assert proxy.ask("/sign-in", body=b"x" * 3_000_000)[0] in {413, 502}
