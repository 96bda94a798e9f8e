"""Letters that stay on this machine: folder and console."""

from __future__ import annotations

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from flask import Flask

from sneaky.core.errors import MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.message import Attachment, Rendered, compose
from sneaky.outbox.transports import file
from sneaky.outbox.transports.console import ConsoleTransport
from sneaky.outbox.transports.file import FileTransport, folder_of, letters_in

PAPER = Rendered(
    "Grüße 🎁", "Hello\n", "<p>Hello</p>", (Attachment("a.ics", "text/calendar; charset=utf-8", b"BEGIN"),)
)


def put(folder: Path, key: str = "k1", to_email: str = "ann@example.org") -> str | None:
    with FileTransport(folder) as line:
        return line.send(compose(PAPER, to_email=to_email, key=key), idempotency_key=key)


def test_letter_becomes_one_readable_file(bare_app: Flask, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "letters"
    assert put(folder) == "written to k1.eml"
    (stored,) = letters_in(folder)
    assert (stored.name, stored.to, stored.subject) == ("k1", "ann@example.org", "Grüße 🎁")
    assert (stored.text.strip(), stored.html.strip()) == ("Hello", "<p>Hello</p>")
    assert stored.attachments == ("a.ics",)
    assert [entry.name for entry in folder.iterdir()] == ["k1.eml"]
    assert (folder / "k1.eml").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_same_letter_again_replaces_its_file(bare_app: Flask, tmp_path: Path) -> None:
    put(tmp_path)
    put(tmp_path)
    assert len(letters_in(tmp_path)) == 1


def test_newest_letter_comes_first(bare_app: Flask, tmp_path: Path) -> None:
    for age, key in ((30, "old"), (10, "new"), (20, "middle")):
        put(tmp_path, key)
        os.utime(tmp_path / f"{key}.eml", (1_000_000 - age, 1_000_000 - age))
    letters = letters_in(tmp_path)
    assert [letter.name for letter in letters] == ["new", "middle", "old"]
    assert letters[0].stored_at.timestamp() == 999_990


def test_missing_folder_holds_no_letters(tmp_path: Path) -> None:
    assert letters_in(tmp_path / "nowhere") == []


def test_letter_without_parts_is_still_shown(tmp_path: Path) -> None:
    (tmp_path / "odd.eml").write_bytes(b"To: ann@example.org\r\nSubject: Odd\r\n\r\nJust text")
    (stored,) = letters_in(tmp_path)
    assert (stored.text.strip(), stored.html) == ("Just text", "")


def test_folder_that_takes_nothing_means_another_try(bare_app: Flask, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(MailTransient, match="could not be written"):
        put(blocked)


def test_failed_write_leaves_no_half_letter(
    bare_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MailTransient, match="No space left"):
        put(tmp_path / "letters")
    assert list((tmp_path / "letters").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:letters", "data/letters"),
        ("file:./a/b", "data/a/b"),
        ("file:///abs", "/abs"),
        ("file:/abs", "/abs"),
    ],
)
def test_folder_lies_in_the_data_folder_unless_absolute(settings: Settings, url: str, expected: str) -> None:
    assert folder_of(replace(settings, mail_url=url, data_dir=Path("data"))) == Path(expected)


def test_other_transports_have_no_folder(settings: Settings) -> None:
    changed = replace(settings, mail_url="console:")
    assert folder_of(changed) is None
    with pytest.raises(ValueError, match="no file: address"):
        file.from_settings(changed)


def test_console_shows_what_a_person_would_read(bare_app: Flask) -> None:
    stream = StringIO()
    with ConsoleTransport(stream) as line:
        line.send(compose(PAPER, to_email="ann@example.org", key="k"), idempotency_key="k")
    shown = stream.getvalue()
    assert "To: ann@example.org\nSubject: Grüße 🎁\nAttached: a.ics\n\nHello\n" in shown
    assert "<p>" not in shown
