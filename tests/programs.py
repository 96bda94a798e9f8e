"""Programs that tests want and no lock brings: left out with words where they are missing, but not in CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test with words; where continuous integration runs, what is missing is a failure."""
    words = f"{what} is missing, so this was not tried: {remedy}"
    if os.environ.get("CI"):  # noqa: TID251
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def path_of(program: str) -> str:
    """Where a program is, which Debian has in a package of the same name, unless told here."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    package = {"systemd-analyze": "systemd"}.get(program, program)
    return found or missing(program, f"apt install {package}")
