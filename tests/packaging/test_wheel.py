"""The wheel, installed alone into a fresh environment in another folder: it migrates, serves, runs jobs."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sneaky import __version__
from sneaky.core.clock import monotonic
from tests.house.source import ROOT
from tests.postgres import free_port

pytestmark = [pytest.mark.shipped, pytest.mark.timeout(600)]

# Of what is no Python: at least one of each kind has to come along.
KINDS = ("templates/**/*.html", "letters/templates/**/*.txt", "web/static/**/*", "translations/**/*.mo")


def run(*words: str | Path, folder: Path, **environment: str) -> str:
    """What a command says; it must end well, in `folder`, knowing nothing of the checkout."""
    inherited = {name: value for name, value in os.environ.items() if not _is_ours(name)}  # noqa: TID251
    done = subprocess.run(
        words, cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _is_ours(name: str) -> bool:
    return name.startswith(("SNEAKY_", "PYTHON", "COV_", "COVERAGE"))


def installer() -> list[str]:
    """What installs here: uv where `./dev` could have it, otherwise pip."""
    return [sys.executable, "-m", *(["uv", "pip"] if importlib.util.find_spec("uv") else ["pip"])]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout as anybody builds it."""
    folder = tmp_path_factory.mktemp("dist")
    if importlib.util.find_spec("uv"):
        command = ["uv", "build", "--quiet", "--system-certs", "--wheel", "--out-dir", str(folder), str(ROOT)]
    else:
        command = ["pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    run(sys.executable, "-m", *command, folder=folder)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a fresh environment that holds the locked requirements and the wheel."""
    folder = tmp_path_factory.mktemp("elsewhere")
    python = folder / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    into = ["--python", str(python), "install", "--quiet"]
    if importlib.util.find_spec("uv"):
        into = ["install", "--quiet", "--system-certs", "--python", str(python)]
    run(*installer(), *into, "--require-hashes", "-r", ROOT / "requirements.lock", folder=folder)
    run(*installer(), *into, "--no-deps", wheel, folder=folder)
    return python.parent


def test_it_holds_all_that_the_package_reads_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {"sneaky", f"sneaky_klaus-{__version__}.dist-info"}
    for kind in KINDS:
        files = [path for path in (ROOT / "sneaky").rglob(kind) if path.is_file()]
        assert files
        assert {path.relative_to(ROOT).as_posix() for path in files} <= names, kind
    revisions = {
        f"sneaky/_migrations/versions/{file.name}" for file in (ROOT / "migrations/versions").glob("*.py")
    }
    assert revisions | {"sneaky/_migrations/env.py", "sneaky/py.typed"} <= names
    assert not [name for name in names if "__pycache__" in name]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    address = f"127.0.0.1:{free_port()}"
    return {
        "SNEAKY_DATA_DIR": str(tmp_path / "data"),
        "SNEAKY_BIND": address,
        "SNEAKY_BASE_URL": f"http://{address}",
        "SNEAKY_MAIL_URL": f"file:{tmp_path / 'letters'}",
    }


@pytest.fixture
def served(bin_folder: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[str]:
    """The installed command serves, from an empty folder, at this address; in the end it stops when told."""
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [bin_folder / "sneaky", "serve", "--migrate"],
            cwd=tmp_path,
            env={"PATH": os.defpath, **environment},
            stdout=output,
            stderr=output,
        )
    deadline, pause = monotonic() + 120, threading.Event()
    while not is_ready(environment["SNEAKY_BASE_URL"]):
        assert process.poll() is None, log.read_text()
        assert monotonic() < deadline, log.read_text()
        pause.wait(0.1)
    yield environment["SNEAKY_BASE_URL"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()


def is_ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=10).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def test_it_serves_migrates_and_runs_jobs_far_from_the_checkout(
    bin_folder: Path, served: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    page = requests.get(served, headers={"Accept-Language": "de"}, timeout=30)
    assert 'lang="de"' in page.text
    sneaky = bin_folder / "sneaky"
    assert run(sneaky, "--version", folder=tmp_path) == f"Sneaky Klaus {__version__}\n"
    ran = json.loads(
        run(sneaky, "jobs", "run", "auto_complete_exchanges", "--json", folder=tmp_path, **environment)
    )
    assert (ran["success"], ran["state"]) == (True, "succeeded")
    assert "checks hold" in run(sneaky, "check", folder=tmp_path, **environment)
