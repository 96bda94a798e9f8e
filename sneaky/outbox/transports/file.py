"""Letters as `.eml` files in a folder, and the reader of that folder for the mailbox page."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from sneaky.core.errors import MailTransient
from sneaky.core.settings import Settings
from sneaky.outbox.transports.base import Connectionless


@dataclass(frozen=True)
class StoredLetter:
    """One letter of the folder, ready to be shown."""

    name: str
    stored_at: datetime
    to: str
    subject: str
    text: str
    html: str
    attachments: tuple[str, ...]


@dataclass(frozen=True)
class FileTransport(Connectionless):
    """Writes each letter to a file of its own; the same letter again replaces its file."""

    folder: Path

    def send(self, message: EmailMessage, *, idempotency_key: str) -> str | None:
        """Write one letter. The file appears complete or not at all."""
        target = self.folder / f"{idempotency_key}.eml"
        draft = target.with_suffix(f".{os.getpid()}.tmp")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
                handle.write(message.as_bytes())
            draft.replace(target)
        except OSError as error:
            with suppress(OSError):
                draft.unlink()
            raise MailTransient(
                f"The letter could not be written to {self.folder}: {error.strerror}"
            ) from error
        return f"written to {target.name}"


def folder_of(settings: Settings) -> Path | None:
    """Where `file:` letters go, inside the data folder unless absolute; None with another transport."""
    scheme, _, rest = settings.mail_url.partition(":")
    if scheme != "file":
        return None
    return settings.data_dir / Path(rest.removeprefix("//")).expanduser()


def letters_in(folder: Path) -> list[StoredLetter]:
    """Every letter of the folder, newest first; a folder that is not there yet holds none."""
    newest_first = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return [_read(file) for file in newest_first]


def from_settings(settings: Settings) -> FileTransport:
    """The transport for `file:FOLDER`."""
    folder = folder_of(settings)
    if folder is None:
        raise ValueError("this is no file: address")
    return FileTransport(folder)


def _read(file: Path) -> StoredLetter:
    message = message_from_bytes(file.read_bytes(), policy=default)
    return StoredLetter(
        name=file.stem,
        stored_at=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        attachments=tuple(part.get_filename() or "" for part in message.iter_attachments()),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())
