"""The key file in the data folder: the secret key in its first line, below it others that may still open."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from sneaky.core import parse
from sneaky.core.durable import written_whole
from sneaky.core.errors import SettingsError

logger = logging.getLogger(__name__)

NAME = "secret_key"
LOCK = ".key.lock"

Stamp = tuple[int, int, int]


def new_key() -> bytes:
    """A secret key of 256 random bits, as 64 hex digits."""
    return os.urandom(32).hex().encode()


def make(file: Path) -> None:
    """Make the file with a new key, unless it is there. Raises OSError where that cannot be.

    Of several that start at once one makes it, and none finds it empty, also after the power failed.
    """
    if file.exists():
        return
    with file.with_name(LOCK).open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not file.exists():
            write(file, [new_key()])


def read(file: Path) -> tuple[bytes, ...]:
    """The keys of the file, the one that seals first. Raises OSError or ValueError where it is not usable."""
    lines = [line.strip() for line in file.read_text().split("\n") if line.strip()]
    if not lines:
        raise ValueError("it is empty")
    return tuple(map(parse.secret_key, lines))


def own_keys(file: Path) -> tuple[bytes, ...]:
    """The keys of the file; the first is made at first start, readable by its owner only.

    Raises `SettingsError` with what to do where that cannot be.
    """
    try:
        make(file)
    except OSError as error:
        raise SettingsError(
            [f"SNEAKY_SECRET_KEY: cannot write {file} ({error.strerror}); set the key yourself"]
        ) from None
    try:
        return read(file)
    except (OSError, ValueError) as error:
        raise SettingsError(
            [f"SNEAKY_SECRET_KEY: {file} is not usable ({error}); restore it from your backup"]
        ) from None


def write(file: Path, keys: Sequence[bytes]) -> None:
    """Put these keys into the file, all at once; running processes notice when next they need one."""
    with written_whole(file) as handle:
        handle.write(b"\n".join(dict.fromkeys(keys)) + b"\n")


class WatchedKeyFile:
    """The key file of a running process, which looks at it before each use: that costs two microseconds."""

    def __init__(self, file: Path, further: Sequence[bytes]) -> None:
        """`further` are keys that the settings name besides."""
        self.further = tuple(further)
        self._file = file
        self._seen: Stamp | None = None

    def keys_if_changed(self) -> tuple[bytes, ...] | None:
        """The keys in the file and besides, if it changed since the last look; None: go on as before."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return None
        try:
            keys = read(self._file)
        except (OSError, ValueError) as error:
            logger.warning("the key file cannot be read; going on with the keys of before: %s", error)
            return None
        finally:
            self._seen = stamp
        return (*keys, *(key for key in self.further if key not in keys))

    def _stamp(self) -> Stamp | None:
        """What changes whenever the file is replaced."""
        try:
            found = self._file.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
