"""An instance that the product's own command serves on loopback, with its letters in a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from flask import Flask

from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.settings import load
from sneaky.outbox.transports.file import StoredLetter, letters_in
from tests.flows.instance import ROOT, eventually, free_port

_START_WITHIN = _LETTER_WITHIN = 150.0


class Served:
    """A development instance in a folder of its own; nothing runs before `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._settings = {
            "SNEAKY_ENV": "development",
            "SNEAKY_DATA_DIR": str(folder),
            "SNEAKY_BASE_URL": self.url,
            "SNEAKY_BIND": f"127.0.0.1:{port}",
            "SNEAKY_MAIL_URL": f"file:{folder / 'letters'}",
            "SNEAKY_MAIL_RATE": "100000",
            "SNEAKY_SIGNUP": "open",
        }
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, *words: str) -> None:
        """Run a `sneaky` command on the instance."""
        command = [sys.executable, "-m", "sneaky", *words]
        subprocess.run(command, env=self._environment, cwd=ROOT, capture_output=True, check=True)

    def start(self) -> None:
        """Serve, and wait until it answers."""
        command = [sys.executable, "-m", "sneaky", "serve", "--migrate"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, cwd=ROOT, stdout=log, stderr=log)
        eventually(self._answers, "the instance answers", within=_START_WITHIN)

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    @contextmanager
    def app(self) -> Iterator[Flask]:
        """The app on the same data, in an app context of the test's own process; its clock stands still."""
        values, _warnings = load(self._settings | {"SNEAKY_SCHEDULER": "off"})
        app = create_app(values)
        with app.app_context():
            yield app
            db.session.remove()
            db.engine.dispose()

    @property
    def setup_link(self) -> str:
        """The set-up link that it printed."""
        (link,) = set(re.findall(r"http://\S+/setup/\S+", self._log.read_text()))
        return str(link)

    def letter_to(self, address: str, about: str) -> StoredLetter:
        """The newest letter to this address with `about` in its subject, once it has come."""

        def come() -> list[StoredLetter]:
            stored = letters_in(self.folder / "letters")
            return [letter for letter in stored if address in letter.to and about in letter.subject]

        return eventually(come, f"a letter about {about} to {address}", within=_LETTER_WITHIN)[0]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    @property
    def _log(self) -> Path:
        return self.folder / "served.log"

    @property
    def _environment(self) -> dict[str, str]:
        inherited = dict(os.environ)  # noqa: TID251
        ours = {name: value for name, value in inherited.items() if not name.startswith("SNEAKY_")}
        return ours | self._settings


@contextmanager
def serving(instance: Served) -> Iterator[Served]:
    """The instance while it is served."""
    try:
        instance.start()
        yield instance
    finally:
        instance.stop()
