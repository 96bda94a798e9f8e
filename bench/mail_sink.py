"""A mail server in a process of its own, encrypted and with a password, as the real ones are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import an_authority
from tests.mail_server import MailServer

USER, PASSWORD = "klaus", "s3cret-for-the-bench"


@dataclass(frozen=True)
class Sink:
    """Where it listens, and whose certificates it wants to be trusted by."""

    host: str
    port: int
    ca_file: Path

    @property
    def mail_url(self) -> str:
        """The setting that sends letters here."""
        return f"smtp://{USER}:{PASSWORD}@{self.host}:{self.port}?ca={self.ca_file}"


@contextmanager
def running_sink(folder: Path) -> Iterator[Sink]:
    """A server that takes every letter, for as long as the block runs."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.mail_sink", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Sink("localhost", int(process.stdout.readline()), folder / "authority.pem")
        process.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    authority = an_authority(Path(sys.argv[1]))
    with MailServer(tls=authority.server("localhost"), login=(USER, PASSWORD)) as server:
        print(server.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
