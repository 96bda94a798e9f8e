"""The backup file: a zip with a manifest that says what must be in it, and the rows of each table.

The manifest carries a keyed hash of itself, so that a restore knows the right key from a wrong one, and what
we wrote from what somebody changed.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sneaky import __version__
from sneaky.core import tokens
from sneaky.core.crypto import Keyring, fingerprint_of_seal
from sneaky.core.durable import written_whole
from sneaky.core.errors import SneakyError
from sneaky.upkeep.rows import Row
from sneaky.upkeep.snapshots import Snapshot

FORMAT = 1
_MANIFEST = "manifest.json"
_KEYS = "secret_key"
_SEALED = "_sealed"
# What lives with running processes and browsers: no restored row should sign anybody in, or lead.
LEFT_OUT = frozenset({"session", "rate_limit", "leader", "worker"})


class Damaged(SneakyError):
    """This backup is damaged or not complete. Take another one."""


class OtherFormat(SneakyError):
    """This backup was made by a newer Sneaky Klaus. Restore it with that version."""


class OtherKey(SneakyError):
    """This backup was made under another secret key."""


@dataclass(frozen=True)
class TableFacts:
    """What a table of the backup must be: its columns, and the number and SHA-256 of its lines."""

    columns: list[str]
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What is in a backup. `sealed_by` and `key` are fingerprints, which name a key without telling it."""

    format: int
    version: str
    made_at: str
    database: str
    revision: str
    key: str
    sealed_by: list[str]
    tables: dict[str, TableFacts]

    def signature(self, ring: Keyring) -> str:
        """The keyed hash of all of it, under the current key of `ring`."""
        return ring.tag("backup", json.dumps(asdict(self), sort_keys=True)).hex()


@dataclass(frozen=True)
class Backup:
    """A backup file that was found whole; its rows can be read as often as needed."""

    file: Path
    manifest: Manifest
    keys: tuple[bytes, ...]

    @property
    def revision(self) -> str:
        """The revision of the schema that the rows are of."""
        return self.manifest.revision

    @property
    def columns(self) -> dict[str, list[str]]:
        """The columns of each table."""
        return {name: facts.columns for name, facts in self.manifest.tables.items()}

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, with values in the order of its columns."""
        with zipfile.ZipFile(self.file) as archive, archive.open(_member(table)) as lines:
            for line in lines:
                yield json.loads(line)


def write(
    file: Path, source: Snapshot, ring: Keyring, *, made_at: str, keys: Sequence[bytes] = ()
) -> Manifest:
    """Write what a snapshot holds, and `keys` if they shall be in it; the file appears once it is whole."""
    sealed_by: set[str] = set()
    with (
        written_whole(file) as handle,
        zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        tables = {
            name: _write_table(archive, name, source, sealed_by)
            for name in source.columns
            if name not in LEFT_OUT
        }
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            made_at=made_at,
            database=source.connection.dialect.name,
            revision=source.revision,
            key=ring.fingerprint,
            sealed_by=sorted(sealed_by),
            tables=tables,
        )
        if keys:
            archive.writestr(_KEYS, b"\n".join(keys))
        signed = {**asdict(manifest), "signature": manifest.signature(ring)}
        archive.writestr(_MANIFEST, json.dumps(signed, indent=1))
    return manifest


def read(file: Path) -> Backup:
    """Open a backup and look at every byte of it. Raises `Damaged` and `OtherFormat`."""
    try:
        with zipfile.ZipFile(file) as archive:
            given: dict[str, Any] = json.loads(archive.read(_MANIFEST))
            if given["format"] != FORMAT:
                raise OtherFormat
            manifest = _manifest(given)
            for name, facts in manifest.tables.items():
                _verify(archive, name, facts)
            keys = tuple(archive.read(_KEYS).split(b"\n")) if _KEYS in archive.namelist() else ()
    except FileNotFoundError:
        raise Damaged(f"There is no file {file}.") from None
    except OSError as error:
        raise Damaged(f"{file} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, NotImplementedError):
        raise Damaged from None
    except RuntimeError:  # a flipped bit says that a member is encrypted
        raise Damaged from None
    return Backup(file, manifest, keys)


def refuse_other_keys(backup: Backup, ring: Keyring) -> None:
    """Raise `OtherKey` unless `ring` holds every key of the backup, and `Damaged` where it was changed."""
    missing = {backup.manifest.key, *backup.manifest.sealed_by} - {one.fingerprint for one in ring.each()}
    if missing:
        raise OtherKey(
            f"This backup needs the secret key {' and '.join(sorted(missing))}, and this instance has"
            f" {', '.join(one.fingerprint for one in ring.each())}. Put that key in place and try again:"
            " without it no match and no postal address in the backup can be read."
        )
    signer = next(one for one in ring.each() if one.fingerprint == backup.manifest.key)
    with zipfile.ZipFile(backup.file) as archive:
        signature = json.loads(archive.read(_MANIFEST)).get("signature")
    if not tokens.equal(str(signature), backup.manifest.signature(signer)):
        raise Damaged("This backup was changed after it was made.")


def _manifest(given: dict[str, Any]) -> Manifest:
    fields = {name: value for name, value in given.items() if name not in {"tables", "signature"}}
    return Manifest(**fields, tables={name: TableFacts(**facts) for name, facts in given["tables"].items()})


def _write_table(archive: zipfile.ZipFile, name: str, source: Snapshot, sealed_by: set[str]) -> TableFacts:
    columns = source.columns[name]
    sealed = [place for place, column in enumerate(columns) if column.endswith(_SEALED)]
    digest, number = hashlib.sha256(), 0
    with archive.open(_member(name), "w", force_zip64=True) as member:
        for row in source.rows(name):
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            member.write(line)
            number += 1
            sealed_by.update(fingerprint_of_seal(b64decode(row[place])) for place in sealed if row[place])
    return TableFacts(columns, number, digest.hexdigest())


def _verify(archive: zipfile.ZipFile, name: str, facts: TableFacts) -> None:
    digest, number = hashlib.sha256(), 0
    with archive.open(_member(name)) as member:
        while some := member.read(1 << 20):
            digest.update(some)
            number += some.count(b"\n")
    if (digest.hexdigest(), number) != (facts.sha256, facts.rows):
        raise Damaged


def _member(table: str) -> str:
    return f"tables/{table}.jsonl"
