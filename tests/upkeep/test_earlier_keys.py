"""The keys of before: a rotation is finished whenever it was stopped, and what is forgotten is forgotten."""

from __future__ import annotations

from click.testing import CliRunner
from flask import Flask

from sneaky.app import create_app
from sneaky.cli import Composer
from sneaky.cli.main import sneaky
from sneaky.core import crypto, key_file
from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import db
from sneaky.core.settings import load
from sneaky.upkeep import forgetting, keys
from tests.upkeep.lives import FIRST, a_full_life, following, settings_of


def served(app: Flask, *lines: bytes, **further: str) -> Flask:
    """An app as a process makes it that starts now, with these keys in its key file."""
    here = settings_of(app)
    key_file.write(here.data_dir / key_file.NAME, lines)
    environment = {"SNEAKY_DATA_DIR": str(here.data_dir), "SNEAKY_DATABASE_URL": here.database_url}
    return create_app(load(environment | further)[0])


def test_process_that_started_with_two_keys_forgets_with_the_others(app: Flask) -> None:
    """A key that leaked is worth nothing from then on, without a restart."""
    with served(app, b"2" * 64, FIRST).app_context():
        assert keyring() == Keyring(b"2" * 64, (FIRST,))
        forgetting.forget()
        assert keyring() == Keyring(b"2" * 64)
        db.engine.dispose()


def test_key_that_the_settings_name_besides_stays_until_it_is_taken_out(app: Flask) -> None:
    with served(app, b"2" * 64, FIRST, SNEAKY_OLD_SECRET_KEYS="3" * 64).app_context():
        assert keyring() == Keyring(b"2" * 64, (FIRST, b"3" * 64))
        forgetting.forget()
        assert keyring() == Keyring(b"2" * 64, (b"3" * 64,))
        db.engine.dispose()


def test_start_after_forgetting_is_not_refused(app: Flask) -> None:
    """Somebody stopped the rotation when all was sealed anew, and forgot the key of before."""
    file = following(app)
    keys.recognise()
    key_file.write(file, [b"2" * 64, FIRST])
    forgetting.forget()
    assert keyring() == Keyring(b"2" * 64)
    keys.recognise()


def test_interrupted_in_its_last_moments_it_goes_on_too(app: Flask) -> None:
    file = following(app)
    keys.recognise()
    a_full_life()
    key_file.write(file, [b"2" * 64, FIRST])
    for kind in keys._KINDS:
        keys._reseal_all(kind)
    assert keys.rotate(grace=0) == {"matches": 0, "messages": 0, "postal addresses": 0}
    assert key_file.read(file) == (b"2" * 64, FIRST)
    keys.recognise()
    assert keys.rotate(grace=0)["matches"] == 6
    assert key_file.read(file)[1:] == (b"2" * 64, FIRST)


def test_key_in_the_environment_is_changed_before_anything_is_sealed(app: Flask) -> None:
    keys.recognise()
    here = settings_of(app)
    app.extensions[crypto.KEYRING] = Keyring(FIRST, (here.secret_key,))
    assert keys.rotate(grace=0) == {"matches": 0, "messages": 0, "postal addresses": 0}
    app.extensions[crypto.KEYRING] = Keyring(FIRST)
    keys.recognise()


def test_command_tells_what_the_environment_still_names(app: Flask) -> None:
    for further, is_told in (({}, False), ({"SNEAKY_OLD_SECRET_KEYS": "3" * 64}, True)):
        one = served(app, b"2" * 64, FIRST, **further)
        done = CliRunner().invoke(sneaky, ["key", "forget", "--yes"], obj=composer_of(one))
        assert done.exit_code == 0
        assert ("Take them out of SNEAKY_OLD_SECRET_KEYS" in done.output) is is_told
        with one.app_context():
            db.engine.dispose()


def composer_of(app: Flask) -> Composer:
    return Composer(lambda: app, lambda: None, lambda _app: None, lambda _app: None)
