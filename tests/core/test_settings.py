"""The settings: every wrong value is one clear line, secrets stay hidden, the key is made once."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sneaky.core.errors import SettingsError
from sneaky.core.settings import documented, load


def loaded(tmp_path: Path, **values: str):  # type: ignore[no-untyped-def]
    environ = {"SNEAKY_DATA_DIR": str(tmp_path)} | {f"SNEAKY_{name}": value for name, value in values.items()}
    return load(environ)


def test_nothing_set_is_a_working_instance_in_the_data_folder(tmp_path: Path) -> None:
    settings, warnings = loaded(tmp_path / "new" / "place")
    assert settings.database_url == f"sqlite:///{tmp_path / 'new' / 'place' / 'sneaky.db'}"
    assert warnings == []
    assert settings.base_url == "http://127.0.0.1:8000"
    assert not settings.is_development
    assert not settings.is_https


def test_relative_database_file_is_the_same_one_for_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings, _ = loaded(tmp_path, DATABASE_URL="sqlite:///some/klaus.db")
    assert settings.database_url == f"sqlite:///{tmp_path / 'some' / 'klaus.db'}"
    for address in ("sqlite:////else/klaus.db", "sqlite:///:memory:", "sqlite:///file:k.db?uri=true"):
        assert loaded(tmp_path, DATABASE_URL=address)[0].database_url == address


def test_secret_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first, _ = loaded(tmp_path)
    again, _ = loaded(tmp_path)
    assert len(first.secret_key) == 64
    assert first.secret_key == again.secret_key
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_keys_made_at_once_are_one_key(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def start(folder: Path) -> bytes:
        together.wait()
        key: bytes = loaded(folder)[0].secret_key
        return key

    with ThreadPoolExecutor(4) as starting:
        for number in range(50):
            folder = tmp_path / str(number)
            assert len(set(starting.map(start, [folder] * 4))) == 1


def test_broken_key_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short")
    with pytest.raises(SettingsError, match="restore it from your backup"):
        loaded(tmp_path)


def test_data_folder_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="name a folder we may write"):
        loaded(tmp_path / "file" / "folder")


def test_key_file_that_cannot_be_written_asks_for_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sneaky.core.settings.os.open", refuse)
    with pytest.raises(SettingsError, match="set the key yourself"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ENV", "staging", "is not one of production, development"),
        ("SECRET_KEY", "hunter2", "openssl rand -hex 32"),
        ("OLD_SECRET_KEYS", "x,y", "openssl rand -hex 32"),
        ("DATABASE_URL", "mysql://db", "write sqlite:///FILE or postgresql://"),
        ("DATABASE_URL", "not an address", "write sqlite:///FILE or postgresql://"),
        ("DATABASE_URL", "sqlite://klaus.db", "write sqlite:///FILE or postgresql://"),
        ("DATABASE_URL", "postgresql://klaus:secret@db:port/klaus", "write sqlite:///FILE or postgresql://"),
        ("DATABASE_URL", "postgresql://klaus:secret@[::1/klaus", "write sqlite:///FILE or postgresql://"),
        ("DATA_DIR", "~nobody-of-this-name/klaus", "write the whole path"),
        ("BASE_URL", "http://127.0.0.1:port", "write https://klaus.example.org"),
        ("BASE_URL", "klaus.example.org", "write https://klaus.example.org"),
        ("BASE_URL", "https://example.org/klaus", "a host of its own"),
        ("BASE_URL", "https://bücher.example", "in ASCII, its domain as xn--…"),
        ("BIND", "8000", "write 127.0.0.1:8000"),
        ("BIND", "127.0.0.1:99999", "write 127.0.0.1:8000"),
        ("BIND", "::1:8000", "or [::1]:8000"),
        ("BIND", "http://127.0.0.1:8000", "write 127.0.0.1:8000"),
        ("BIND", "127.0.0.1:²", "write 127.0.0.1:8000"),
        ("BIND", "unix:", "write 127.0.0.1:8000"),
        ("WORKERS", "0", "a whole number from 1 to 64"),
        ("THREADS", "many", "a whole number from 1 to 64"),
        ("TRUSTED_PROXIES", "-1", "a whole number from 0 to 10"),
        ("MAIL_URL", "mail.example.org", "it must start with one of smtp:"),
        ("MAIL_URL", "smtp://", "needs a host"),
        ("MAIL_URL", "smtp://host:port", "needs a host"),
        ("MAIL_URL", "file:", "name the folder for letters"),
        ("MAIL_URL", "smtp://mail.example.org?tls=off", "after ?tls= there may be"),
        ("MAIL_FROM", "Klaus", "is no sender"),
        ("MAIL_FROM", "Klaus <klaus@>", "is no sender"),
        ("MAIL_FROM", "Klaus <klaus@bücher.example>", "in ASCII, its domain as xn--…"),
        ("SCHEDULER", "maybe", "is not one of auto, on, off"),
        ("PAIR_MEMORY", "perhaps", "neither yes nor no"),
        ("METRICS_TOKEN", "short", "at least 16 plain characters"),
        ("RESEND_WEBHOOK_SECRET", "re_123456789", "starts with whsec_"),
        ("RESEND_WEBHOOK_SECRET", "MDEyMzQ1Njc4OWFiY2RlZg==", "starts with whsec_"),
        ("RESEND_WEBHOOK_SECRET", "whsec_c2hvcnQ=", "this is no signing secret"),
        ("RESEND_WEBHOOK_SECRET", "whsec_not base64!", "this is no signing secret"),
        ("HEARTBEAT_URL", "ftp://example.org", "write https://HOST/PATH"),
        ("MAIL_RATE", " ", "it is empty"),
    ],
)
def test_wrong_value_is_one_line_that_says_what_to_do(
    tmp_path: Path, name: str, value: str, advice: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, **{name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"SNEAKY_{name}: ")
    assert advice in problem


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, WORKERS="none", BIND="here", SIGNUP="closed")
    assert len(caught.value.problems) == 3


def test_right_values_are_read(tmp_path: Path) -> None:
    settings, warnings = loaded(
        tmp_path,
        ENV="Development",
        DATABASE_URL="postgres://klaus@db/klaus",
        SECRET_KEY="k" * 32,
        OLD_SECRET_KEYS=f"{'a' * 32}, {'b' * 32}",
        BASE_URL="https://klaus.example.org/",
        BIND="unix:/run/klaus.sock",
        MAIL_URL="smtps://klaus:secret@mail.example.org:465",
        MAIL_FROM="Klaus <klaus@example.org>",
        PAIR_MEMORY="no",
        METRICS_TOKEN="m" * 16,
        HEARTBEAT_URL="https://hc.example.org/uuid/",
    )
    assert warnings == []
    assert settings.is_development
    assert settings.is_https
    assert settings.host == "klaus.example.org"
    assert settings.old_secret_keys == (b"a" * 32, b"b" * 32)
    assert settings.heartbeat_url == "https://hc.example.org/uuid"
    assert settings.pair_memory is False


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sqlite:///data/klaus.db", "sqlite:///{here}/data/klaus.db"),
        ("SQLite:///klaus@home.db?timeout=9", "sqlite:///{here}/klaus@home.db?timeout=9"),
        ("sqlite:////srv/klaus.db", "sqlite:////srv/klaus.db"),
        ("sqlite:///file:klaus.db?uri=true", "sqlite:///file:klaus.db?uri=true"),
        ("PostgreSQL://klaus:a/b#c%40d@[::1]:5432/klaus", "postgresql://klaus:a/b#c%40d@[::1]:5432/klaus"),
        ("postgresql:///klaus?host=/run/postgresql", "postgresql:///klaus?host=/run/postgresql"),
    ],
)
def test_a_database_is_the_same_for_whoever_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, meant: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings, _ = loaded(tmp_path, DATABASE_URL=typed)
    assert settings.database_url == meant.format(here=tmp_path)


def test_servers_listen_on_ipv6_in_brackets(tmp_path: Path) -> None:
    assert loaded(tmp_path, BIND="[::1]:8000")[0].bind == "[::1]:8000"


def test_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s" * 40 + "\n")
    settings, _ = loaded(tmp_path, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert settings.secret_key == b"s" * 40


def test_secret_file_of_windows_holds_the_same_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + b"s" * 40 + b"\r\n")
    settings, _ = loaded(tmp_path, SECRET_KEY_FILE=str(tmp_path / "key"))
    assert settings.secret_key == b"s" * 40


def test_signing_secret_is_read_as_resend_shows_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n")
    settings, _ = loaded(tmp_path, RESEND_WEBHOOK_SECRET_FILE=str(tmp_path / "secret"))
    assert settings.resend_webhook_secret == b"0123456789abcdef"
    assert settings.redacted()["resend_webhook_secret"] == "set"


def test_secret_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s" * 40)
    with pytest.raises(SettingsError, match="set it or SNEAKY_SECRET_KEY_FILE, not both"):
        loaded(tmp_path, SECRET_KEY="k" * 40, SECRET_KEY_FILE=str(tmp_path / "key"))


def test_missing_secret_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SNEAKY_SECRET_KEY_FILE: cannot read"):
        loaded(tmp_path, SECRET_KEY_FILE=str(tmp_path / "nowhere"))


def test_secret_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff" * 40)
    with pytest.raises(SettingsError, match=r"SNEAKY_SECRET_KEY_FILE: cannot read .* no text"):
        loaded(tmp_path, SECRET_KEY_FILE=str(tmp_path / "key"))


def test_copied_key_file_of_several_keys_is_not_taken_for_one_key(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text(f"{'n' * 64}\n{'o' * 64}\n")
    with pytest.raises(SettingsError, match="it has 2 lines and has to be one; of a copied key file"):
        loaded(tmp_path, SECRET_KEY_FILE=str(tmp_path / "copy"))


def test_unknown_variable_warns_and_names_the_near_one(tmp_path: Path) -> None:
    _, warnings = loaded(tmp_path, MAIL_URI="console:", XYZZY="1")
    assert warnings == [
        "SNEAKY_MAIL_URI is not a setting of ours; did you mean SNEAKY_MAIL_URL?",
        "SNEAKY_XYZZY is not a setting of ours",
    ]


def test_shown_settings_hide_every_secret(tmp_path: Path) -> None:
    settings, _ = loaded(
        tmp_path,
        SECRET_KEY="verysecretkey" * 4,
        DATABASE_URL="postgresql://u:dbpassword@db/x",
        MAIL_URL="smtp://u:mailpassword@mail.example.org",
        METRICS_TOKEN="metricstoken12345",
    )
    shown = str(settings.redacted()) + repr(settings)
    for secret in ("verysecretkey", "dbpassword", "mailpassword", "metricstoken"):
        assert secret not in shown
    assert settings.redacted()["mail_url"] == "set"
    assert settings.redacted()["heartbeat_url"] == "not set"
    assert settings.redacted()["pair_memory"] == "yes"


def test_every_setting_is_documented_with_default_and_help() -> None:
    for entry in documented():
        assert entry.help.endswith("."), entry.variable
        assert entry.default, entry.variable
