"""Import and create_app in a fresh process, against importing Flask and Flask-SQLAlchemy alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.harness import Parts, Row, at_most, median_ratio

_CHECKOUT = Path(__file__).parents[1]
_LIBRARIES = "import flask, flask_sqlalchemy"
_APP = "from sneaky.app import create_app; create_app()"


def import_and_create() -> Iterator[Row]:
    """Medians of fresh processes in turn; the interpreter's own start is left out of both."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"SNEAKY_DATA_DIR": folder, "SNEAKY_MAIL_URL": f"file:{folder}/letters"}
        for code in (_APP, _LIBRARIES):  # once unmeasured: bytecode is written, the secret key is made
            fresh_seconds(code, environment)
        measured = median_ratio(
            lambda: fresh_seconds(_APP, environment), lambda: fresh_seconds(_LIBRARIES, environment), rounds=9
        )
    yield at_most(1.7, measured, metric="import + create_app", against="import Flask, Flask-SQLAlchemy")


def fresh_seconds(code: str, environment: Mapping[str, str]) -> float:
    """Seconds that `code` takes in a new Python, which sees no settings but these."""
    timed = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    clean = {"PATH": os.defpath, "PYTHONPATH": str(_CHECKOUT), **environment}
    output = subprocess.check_output([sys.executable, "-c", timed], env=clean, stderr=subprocess.DEVNULL)
    return float(output)


PARTS: Parts = {"import": import_and_create}
