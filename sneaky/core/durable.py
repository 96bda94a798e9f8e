"""Files that are there whole or not at all, whatever happens, and that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def make_private(file: Path) -> int:
    """Make a new empty file for its owner's eyes only; its descriptor. Raises `FileExistsError`."""
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)


@contextmanager
def written_whole(file: Path) -> Iterator[BinaryIO]:
    """A file to write into that takes its name, or an older one's place, once all of it is on the disk."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(make_private(fresh), "w+b") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        put_in_place(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def put_in_place(fresh: Path, file: Path) -> None:
    """Give a file another name in the same folder, and wait until the folder remembers it."""
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
