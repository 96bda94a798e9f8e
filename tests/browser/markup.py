"""Asks html-validate, in a process of its own, whether pages are valid HTML."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from tests.programs import missing

_HERE = Path(__file__).parent / "validator"
_FILES = ("package.json", "package-lock.json", ".npmrc", "validate.mjs")


class Validator:
    """The checker; it reads a page a line and answers each with a line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def faults(self, html: str, kind: str = "page") -> list[str]:
        """What is wrong with the markup of a `page` or a `letter`, one line each."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"html": html, "kind": kind}) + "\n")
        self._process.stdin.flush()
        found: list[str] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def validator() -> Iterator[Validator]:
    """The locked release of html-validate, run by the node that Playwright brings."""
    node, _driver = compute_driver_executable()
    command, pipe = [node, "validate.mjs"], subprocess.PIPE
    with subprocess.Popen(command, cwd=_fetched(), stdin=pipe, stdout=pipe, text=True) as process:
        yield Validator(process)


def _fetched() -> Path:
    """A folder in the environment with the checker of the lock, fetched by npm if it is not there yet."""
    content = b"".join((_HERE / name).read_bytes() for name in _FILES)
    folder = Path(sys.prefix) / f"html-validate-{hashlib.sha256(content).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    if shutil.which("npm") is None:
        missing("npm", "apt install npm (it fetches html-validate, which checks the HTML)")
    with tempfile.TemporaryDirectory(dir=sys.prefix) as draft:
        for name in _FILES:
            shutil.copy(_HERE / name, draft)
        done = subprocess.run(
            ["npm", "ci", "--silent"], cwd=draft, capture_output=True, text=True, check=False, timeout=200
        )
        if done.returncode:
            missing("html-validate", f"npm could not fetch it: {done.stderr.strip() or done.stdout.strip()}")
        with suppress(OSError):  # another test process was faster
            Path(draft).rename(folder)
            Path(draft).mkdir()
    return folder
