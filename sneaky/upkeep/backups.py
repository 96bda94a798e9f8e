"""Backups and moves: the whole instance in a file, back from it, or straight into another database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, make_url

from sneaky.access import audit
from sneaky.core import key_file, schema
from sneaky.core.clock import now
from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import normalise_url, transaction
from sneaky.core.errors import SneakyError, words
from sneaky.core.settings import Settings, settings
from sneaky.outbox import gate
from sneaky.upkeep import backup_files, targets
from sneaky.upkeep.backup_files import Manifest
from sneaky.upkeep.filling import COPIED, RESTORED, fill
from sneaky.upkeep.snapshots import NothingThere, snapshot

HELD_AFTER_RESTORE = words("restored from a backup; nothing leaves until somebody has looked")
HELD_AFTER_COPY = words("copied from another database; nothing leaves until somebody has looked")


class FileThere(SneakyError):
    """There is a file of this name already, and a backup never takes the place of another."""


class SameDatabase(SneakyError):
    """Source and target are the same database."""


@dataclass(frozen=True)
class Restored:
    """What a restore brought back: the manifest, and where the data of before is kept, if there was any."""

    manifest: Manifest
    kept_as: str | None


@dataclass(frozen=True)
class Copied:
    """How many rows of each table were copied, and where what was in the target is kept, if anything."""

    counts: dict[str, int]
    kept_as: str | None


def backup(path: Path, *, with_key: bool = False) -> tuple[Path, Manifest]:
    """Write a backup of the running app's database, while it serves; returns the file and what is in it.

    Into a folder it goes under a name made of the time. With the key in it, the file alone is enough to read
    every match. Raises `FileThere`, and `Damaged` where the disk does not give back what was written.
    """
    made_at = now()
    file = path / f"sneaky-{made_at:%Y%m%d-%H%M%S}.backup" if path.is_dir() else path
    if file.exists():
        raise FileThere
    ring = keyring()
    keys = (ring.current, *ring.older) if with_key else ()
    with schema.connected(settings().database_url) as engine, snapshot(engine) as source:
        manifest = backup_files.write(
            file, source, ring, made_at=made_at.isoformat(timespec="seconds"), keys=keys
        )
    backup_files.read(file)
    with transaction() as session:
        gate.lock(session).backed_up_at = made_at
        audit.note("instance.backed_up", rows=sum(facts.rows for facts in manifest.tables.values()))
    return file, manifest


def restore(path: Path, to: Settings, *, may_replace: bool = False) -> Restored:
    """Put a backup into the database of these settings; all of it is looked at before anything is touched.

    Rows of an older revision are brought to head. Letters are held. With the key in the backup, it becomes
    the instance's, if that keeps its key in the data folder. Raises `Damaged`, `OtherFormat`, `OtherKey`,
    `SchemaTooNew`, `InUse`, `NotEmpty` and `DoesNotFit`, with nothing changed.
    """
    found = backup_files.read(path)
    here = Keyring(to.secret_key, to.earlier_keys)
    brought = found.keys if to.key_file is not None else ()
    backup_files.refuse_other_keys(found, Keyring(here.current, (*here.older, *brought)))
    at = now()

    def filled(connection: Connection) -> None:
        fill(connection, found, at=at, reason=HELD_AFTER_RESTORE, action=RESTORED)
        if to.key_file is not None and brought:  # known before they are needed, in use once they are
            key_file.write(to.key_file, (here.current, *here.older, *brought))

    kept_as = targets.put(normalise_url(to.database_url), to.data_dir, filled, may_replace=may_replace, at=at)
    if to.key_file is not None and brought:
        key_file.write(to.key_file, (*brought, here.current, *here.older))
    return Restored(found.manifest, kept_as)


def copy(source_url: str, target_url: str, lock_folder: Path) -> Copied:
    """Copy everything from one database into another, blank one. Letters are held in the copy.

    Raises `SameDatabase`, `NothingThere`, `InUse`, `NotEmpty`, `DoesNotFit` and `SchemaTooNew`.
    """
    source_url, target_url = normalise_url(source_url), normalise_url(target_url)
    if source_url == target_url:
        raise SameDatabase
    source = make_url(source_url)
    if source.get_backend_name() == "sqlite" and not Path(source.database or "").exists():
        raise NothingThere  # to look into it would make it
    at, counts = now(), dict[str, int]()
    with schema.connected(source_url) as engine, snapshot(engine) as found:

        def filled(connection: Connection) -> None:
            counts.update(fill(connection, found, at=at, reason=HELD_AFTER_COPY, action=COPIED))

        kept_as = targets.put(target_url, lock_folder, filled, may_replace=False, at=at)
    return Copied(counts, kept_as)
