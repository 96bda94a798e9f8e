"""A backup holds everything, comes back anywhere, mails nothing, and tells when something is wrong."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import inspect, select, text

from sneaky.cli.check import findings
from sneaky.core import key_file, schema
from sneaky.core.clock import now
from sneaky.core.crypto import KEYRING, Keyring
from sneaky.core.db import Base, db, transaction
from sneaky.core.errors import SneakyError
from sneaky.core.settings import Settings
from sneaky.exchanges import personal_data
from sneaky.letters import catalogue
from sneaky.models import AuditEntry, Instance, Participant, SessionRow, Trouble, TroubleKind
from sneaky.outbox import delivery, queue
from sneaky.upkeep import backup_files, backups, targets
from sneaky.upkeep.filling import DoesNotFit, fill
from sneaky.upkeep.rows import Row
from sneaky.upkeep.snapshots import NothingThere
from tests import factories
from tests.upkeep.lives import ADDRESS, a_full_life, contents, elsewhere, running, settings_of

OWN_WORDS = {"instance", "trouble", "audit_entry"}


def same_rows(one: Settings, other: Settings) -> None:
    """Both databases hold the same, but for what a restore itself writes."""
    here, there = contents(one), contents(other)
    assert here.keys() == there.keys() == set(Base.metadata.tables)
    for table in here.keys() - OWN_WORDS - backup_files.LEFT_OUT:
        assert here[table] == there[table], table


def test_everything_comes_back_on_either_database(
    any_app: Flask, other_host: Settings, tmp_path: Path
) -> None:
    people = a_full_life()
    filled = {name for name, found in contents(settings_of(any_app)).items() if found}
    assert set(Base.metadata.tables) - filled <= {"instance", "leader", "worker"}
    file, manifest = backups.backup(tmp_path / "kept.backup")
    restored = backups.restore(file, other_host)
    assert restored == backups.Restored(manifest, None)
    same_rows(settings_of(any_app), other_host)
    with running(other_host):
        assert list(findings()) == []
        assert personal_data.postal_address(people[2]) == ADDRESS
        assert personal_data.export(people[0])["gives_to"]
        newcomer = factories.a_participant(factories.an_exchange())
        assert newcomer > max(people)


def test_restored_letters_wait_until_resumed(app: Flask, other_host: Settings, tmp_path: Path) -> None:
    a_full_life()
    with transaction() as session:
        session.add(
            Trouble(
                kind=TroubleKind.MAIL_REFUSED, subject="outbox", details={"transport": "x"}, opened_at=now()
            )
        )
    backups.restore(backups.backup(tmp_path / "kept.backup")[0], other_host)
    with running(other_host):
        assert delivery.deliver(catalogue.render).sent == 0
        assert queue.held_reason() == backups.HELD_AFTER_RESTORE
        queue.resume()
        assert delivery.deliver(catalogue.render).sent >= 6


def test_nobody_is_signed_in_by_a_restored_row(app: Flask, tmp_path: Path) -> None:
    a_full_life()
    other = elsewhere(settings_of(app), tmp_path / "other")
    file, manifest = backups.backup(tmp_path / "kept.backup")
    assert not manifest.tables.keys() & backup_files.LEFT_OUT
    backups.restore(file, other)
    with running(other):
        assert db.session.scalars(select(SessionRow)).all() == []
        assert (
            db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc())).first()
            == "instance.restored"
        )


def test_backup_is_for_its_owner_and_never_replaces_another(app: Flask, tmp_path: Path) -> None:
    file, manifest = backups.backup(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.name.startswith("sneaky-20")
    assert (manifest.revision, manifest.database) == (schema.head(), db.engine.dialect.name)
    assert db.session.scalars(select(Instance.backed_up_at)).one() is not None
    with pytest.raises(backups.FileThere):
        backups.backup(file)
    assert list(tmp_path.glob(".*.backup*")) == []


def test_backup_that_cannot_be_written_leaves_nothing(app: Flask, tmp_path: Path) -> None:
    with transaction() as session:
        session.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(NothingThere):
        backups.backup(tmp_path / "kept.backup")
    assert list(tmp_path.glob("*kept*")) == []


def test_key_is_inside_only_when_asked(app: Flask, tmp_path: Path) -> None:
    people = a_full_life()
    here = settings_of(app)
    plain, _manifest = backups.backup(tmp_path / "plain.backup")
    whole, _manifest = backups.backup(tmp_path / "whole.backup", with_key=True)
    assert here.secret_key not in b"".join(members(plain).values())
    own_key = tmp_path / "fresh"
    own_key.mkdir()
    key_file.write(own_key / "secret_key", [b"n" * 64])
    fresh = elsewhere(here, own_key, secret_key=b"n" * 64, key_file=own_key / "secret_key")
    with pytest.raises(backup_files.OtherKey, match=r"needs the secret key .* Put that key in place"):
        backups.restore(plain, fresh)
    assert not (own_key / "sneaky.db").exists()
    backups.restore(whole, fresh)
    assert key_file.read(own_key / "secret_key") == (here.secret_key, b"n" * 64)
    with running(replace(fresh, secret_key=here.secret_key)):
        assert personal_data.postal_address(people[2]) == ADDRESS


def test_key_of_several_words_comes_back_from_a_backup(app: Flask, tmp_path: Path) -> None:
    here, words = settings_of(app), b"twelve lords leaping and eleven ladies dancing"
    app.extensions[KEYRING] = Keyring(words)
    whole, _manifest = backups.backup(tmp_path / "whole.backup", with_key=True)
    there = elsewhere(here, tmp_path / "other", secret_key=b"n" * 64)
    there = replace(there, key_file=there.data_dir / "secret_key")
    backups.restore(whole, there)
    assert key_file.read(there.data_dir / "secret_key") == (words, b"n" * 64)


def members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(file: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """A copy of a backup in which something is different, and which is a sound zip."""
    content = members(file)
    change(content)
    other = file.with_suffix(".changed")
    with zipfile.ZipFile(other, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return other


def with_manifest(**values: object) -> Callable[[dict[str, bytes]], object]:
    def change(content: dict[str, bytes]) -> None:
        content["manifest.json"] = json.dumps(json.loads(content["manifest.json"]) | values).encode()

    return change


def without_a_line(content: dict[str, bytes]) -> None:
    content["tables/participant.jsonl"] = content["tables/participant.jsonl"].partition(b"\n")[2]


WRONG: dict[str, tuple[Callable[[dict[str, bytes]], object], type[SneakyError]]] = {
    "a missing row": (without_a_line, backup_files.Damaged),
    "a missing table": (lambda content: content.pop("tables/match.jsonl"), backup_files.Damaged),
    "no manifest": (lambda content: content.pop("manifest.json"), backup_files.Damaged),
    "a changed manifest": (with_manifest(made_at="2020-01-01T00:00:00+00:00"), backup_files.Damaged),
    "a manifest that lacks something": (with_manifest(tables={"match": {}}), backup_files.Damaged),
    "a format of the future": (with_manifest(format=2), backup_files.OtherFormat),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_backup_is_refused_and_nothing_is_touched(app: Flask, tmp_path: Path, what: str) -> None:
    factories.a_participant(factories.an_exchange())
    other = elsewhere(settings_of(app), tmp_path / "other")
    change, expected = WRONG[what]
    with pytest.raises(expected):
        backups.restore(rewritten(backups.backup(tmp_path / "kept.backup")[0], change), other)
    assert [path.name for path in other.data_dir.iterdir()] == []


def test_truncated_garbled_or_missing_file_is_refused(app: Flask, tmp_path: Path) -> None:
    """Cut anywhere, it is refused; with a byte changed, it is refused or means the very same."""
    factories.a_participant(factories.an_exchange())
    file, manifest = backups.backup(tmp_path / "kept.backup")
    content, chance = file.read_bytes(), random.Random(7)
    broken = tmp_path / "broken.backup"
    for _ in range(100):
        broken.write_bytes(content[: chance.randrange(len(content))])
        with pytest.raises(backup_files.Damaged):
            backup_files.read(broken)
    ring, refused = Keyring(settings_of(app).secret_key), 0
    for _ in range(300):
        place = chance.randrange(len(content))
        broken.write_bytes(
            content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]
        )
        try:
            found = backup_files.read(broken)
            backup_files.refuse_other_keys(found, ring)
        except SneakyError:
            refused += 1
        else:
            assert found.manifest == manifest
    # Where exactly the ids and instants of this run fall decides how many; about two in three.
    assert refused > 100
    for missing in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(backup_files.Damaged):
            backup_files.read(missing)


def test_other_key_is_refused(app: Flask, tmp_path: Path) -> None:
    a_full_life()
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    with pytest.raises(backup_files.OtherKey):
        backups.restore(file, elsewhere(settings_of(app), tmp_path / "other", secret_key=b"n" * 64))
    assert not (tmp_path / "other" / "sneaky.db").exists()


def test_seals_of_an_older_key_need_that_key_too(app: Flask, tmp_path: Path) -> None:
    a_full_life()
    here = settings_of(app)
    app.extensions[KEYRING] = Keyring(b"n" * 64, (here.secret_key,))
    file, manifest = backups.backup(tmp_path / "kept.backup")
    assert manifest.sealed_by == [Keyring(here.secret_key).fingerprint] != [manifest.key]
    with pytest.raises(backup_files.OtherKey):
        backups.restore(file, elsewhere(here, tmp_path / "other", secret_key=b"n" * 64))
    both = elsewhere(here, tmp_path / "other", secret_key=b"n" * 64, old_secret_keys=(here.secret_key,))
    backups.restore(file, both)


def test_backup_of_a_newer_version_is_refused(app: Flask, tmp_path: Path) -> None:
    with transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '29991231_future'"))
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    with pytest.raises(schema.SchemaTooNew):
        backups.restore(file, elsewhere(settings_of(app), tmp_path / "other"))
    assert not (tmp_path / "other" / "sneaky.db").exists()


NEXT = """
from alembic import op
import sqlalchemy as sa

revision, down_revision = "29991231_next", "{head}"


def upgrade():
    op.add_column("participant", sa.Column("shoe_size", sa.Integer(), server_default="40"))
"""


@pytest.fixture
def a_version_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Update this version to one that knows one more revision."""

    def update() -> None:
        folder = shutil.copytree(schema.migrations_folder(), tmp_path / "migrations")
        (folder / "versions" / "29991231_next.py").write_text(NEXT.format(head=schema.head()))
        monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
        schema.revisions.cache_clear()

    yield update
    schema.revisions.cache_clear()


def test_older_revision_is_brought_to_head(
    app: Flask, tmp_path: Path, a_version_later: Callable[[], None]
) -> None:
    factories.a_participant(factories.an_exchange())
    file, manifest = backups.backup(tmp_path / "kept.backup")
    a_version_later()
    assert manifest.revision != schema.head() == "29991231_next"
    other = elsewhere(settings_of(app), tmp_path / "other")
    backups.restore(file, other)
    with closing(sqlite3.connect(other.data_dir / "sneaky.db")) as restored:
        assert restored.execute("SELECT shoe_size FROM participant").fetchall() == [(40,)]


@dataclass(frozen=True)
class Given:
    """Rows that come from somewhere, right or wrong."""

    columns: dict[str, list[str]]
    given: dict[str, list[Row]]
    revision: str = field(default_factory=schema.head)

    def rows(self, table: str) -> Iterator[Row]:
        return iter(self.given[table])


HOUSEHOLD = ["id", "exchange_id", "name"]


@pytest.mark.parametrize(
    ("columns", "given", "what"),
    [
        (["id", "colour"], [1, "red"], "Table household does not fit: KeyError"),
        (HOUSEHOLD, [1, 7], "Table household does not fit: ValueError"),
        (HOUSEHOLD, [1, None, "The Bells"], "Table household does not fit: IntegrityError"),
        (["sleigh"], [], "has no table sleigh"),
    ],
)
def test_rows_that_do_not_fit_change_nothing(
    tmp_path: Path, columns: list[str], given: Row, what: str
) -> None:
    table = "household" if given else "sleigh"
    with schema.connected(f"sqlite:///{tmp_path / 'x.db'}") as engine:
        with pytest.raises(DoesNotFit, match=what), schema.rebuilding(engine) as connection:
            fill(connection, Given({table: columns}, {table: [given]}), at=now(), reason="", action="")
        assert inspect(engine).get_table_names() == []


def test_rows_that_point_nowhere_change_nothing(tmp_path: Path) -> None:
    source = Given({"household": HOUSEHOLD}, {"household": [[1, 7, "The Bells"]]})
    with schema.connected(f"sqlite:///{tmp_path / 'x.db'}") as engine:
        with pytest.raises(schema.SchemaBroken), schema.rebuilding(engine) as connection:
            fill(connection, source, at=now(), reason="", action="")
        assert inspect(engine).get_table_names() == []


def test_instance_that_is_there_is_replaced_only_when_told(
    app: Flask, other_host: Settings, tmp_path: Path
) -> None:
    factories.an_exchange(name="Yule at Quux Castle")
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    backups.restore(file, other_host)
    with running(other_host):
        factories.an_exchange(name="A later one")
    before = contents(other_host)
    with pytest.raises(targets.NotEmpty):
        backups.restore(file, other_host)
    assert contents(other_host) == before
    kept_as = backups.restore(file, other_host, may_replace=True).kept_as
    assert kept_as is not None
    assert len(contents(other_host)["exchange"]) == 1
    assert len(kept_exchanges(other_host, kept_as)) == 2


def kept_exchanges(settings: Settings, kept_as: str) -> list[str]:
    """The names of the exchanges in what is kept beside."""
    is_server = settings.database_url.startswith("postgresql")
    url = settings.database_url if is_server else f"sqlite:///{kept_as}"
    with schema.connected(url) as engine, engine.connect() as connection:
        table = f"{kept_as}.exchange" if is_server else "exchange"
        return list(connection.scalars(text(f"SELECT name FROM {table}")))  # noqa: S608


def test_database_in_use_is_refused(app: Flask, other_host: Settings, tmp_path: Path) -> None:
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    backups.restore(file, other_host)
    with running(other_host):
        factories.an_exchange()
        with pytest.raises(targets.InUse):
            backups.restore(file, other_host, may_replace=True)
        assert len(db.session.scalars(select(Participant)).all()) == 0
    backups.restore(file, other_host, may_replace=True)


def test_broken_database_file_is_replaced_when_told(app: Flask, tmp_path: Path) -> None:
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    other = elsewhere(settings_of(app), tmp_path / "other")
    (other.data_dir / "sneaky.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(targets.NotEmpty):
        backups.restore(file, other)
    kept_as = backups.restore(file, other, may_replace=True).kept_as
    assert Path(str(kept_as)).read_bytes().startswith(b"no database at all")
    with pytest.raises(targets.Unusable):
        backups.restore(file, replace(other, database_url="sqlite:///:memory:"))
    (tmp_path / "locked").mkdir()
    with pytest.raises(targets.Unusable):
        backups.restore(file, replace(other, database_url=f"sqlite:///{tmp_path / 'locked'}"))
