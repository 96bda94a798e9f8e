"""The settings: one frozen object, and the only reader of the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sneaky.core import key_file, parse
from sneaky.core.errors import SettingsError

PREFIX = "SNEAKY_"
EXTENSION = "sneaky.settings"
_NO_KEY = b""  # by a name: whoever gathers the texts for translators stumbles over bytes beside them
# Read by entrypoint, ./dev and the tests, not by the app; known here so that they raise no warning.
_KNOWN_ELSEWHERE = frozenset(
    {"SNEAKY_ROLE", "SNEAKY_TEST_DATABASE", "SNEAKY_TEST_ROUNDS", "SNEAKY_TEST_PG_BIN"}
)


def _setting(
    parse: Callable[[str], Any],
    help_text: str,
    *,
    default: Any = MISSING,
    secret: bool = False,
    shown: str = "",
) -> Any:
    """Declare one setting: how its text is read, what it is for, and what README shows as its default."""
    return field(
        default=default, metadata={"parse": parse, "help": help_text, "secret": secret, "shown": shown}
    )


@dataclass(frozen=True, repr=False)
class Settings:
    """Every setting of the instance, read from `SNEAKY_<NAME>`; secrets also from `SNEAKY_<NAME>_FILE`."""

    env: str = _setting(
        parse.choice("production", "development"),
        "`development` adds the mailbox and style pages.",
        default="production",
    )
    data_dir: Path = _setting(
        parse.path, "Folder for the database, the secret key and `file:` letters.", default=Path("instance")
    )
    database_url: str = _setting(
        parse.database_url,
        "Where the data lives: `sqlite:///…` or `postgresql://…`.",
        default="",
        secret=True,
        shown="SQLite in the data folder",
    )
    secret_key: bytes = _setting(
        parse.secret_key,
        "Seals matches and signs links; at least 32 characters.",
        default=_NO_KEY,
        secret=True,
        shown="made at first start, in the data folder",
    )
    old_secret_keys: tuple[bytes, ...] = _setting(
        parse.secret_keys,
        "Earlier keys, separated by commas, that may still open what they sealed.",
        default=(),
        secret=True,
        shown="none",
    )
    base_url: str = _setting(
        parse.base_url, "The address people use; every link starts with it.", default="http://127.0.0.1:8000"
    )
    bind: str = _setting(parse.bind, "Address and port the server listens on.", default="127.0.0.1:8000")
    workers: int = _setting(parse.integer(1, 64), "Web server processes.", default=1)
    threads: int = _setting(parse.integer(1, 64), "Threads in each web server process and worker.", default=4)
    trusted_proxies: int = _setting(
        parse.integer(0, 10),
        "How many reverse proxies stand in front; 0 ignores X-Forwarded headers.",
        default=0,
    )
    mail_url: str = _setting(
        parse.mail_url,
        "Where letters go: `smtp://USER:PASSWORD@HOST`, `smtps://…`, `resend://KEY`, `file:DIR`, `console:`.",
        default="console:",
        secret=True,
    )
    mail_from: str = _setting(
        parse.mailbox,
        "The sender of every letter, `Name <address>` or an address.",
        default="Sneaky Klaus <klaus@example.org>",
    )
    mail_rate: int = _setting(parse.integer(1, 100_000), "Letters a minute, at most.", default=600)
    mail_domain_rate: int = _setting(
        parse.integer(1, 100_000), "Letters a minute to one domain, at most.", default=600
    )
    resend_webhook_secret: bytes = _setting(
        parse.webhook_secret,
        "Signs what Resend tells us about letters that came back (`whsec_…`); without one we do not listen.",
        default=_NO_KEY,
        secret=True,
        shown="none",
    )
    scheduler: str = _setting(
        parse.choice("auto", "on", "off"),
        "`auto` or `on`: serving processes run the clock; `off`: this process never does.",
        default="auto",
    )
    engine: str = _setting(
        parse.choice("local", "procrastinate"),
        "What brings work to `sneaky worker`: `local` rows, or `procrastinate` on PostgreSQL.",
        default="local",
    )
    signup: str = _setting(
        parse.choice("invite", "open"),
        "Who may become an organizer: people an admin invites, or anybody.",
        default="invite",
    )
    pair_memory: bool = _setting(
        parse.boolean,
        "Remember, as keyed hashes, who gave to whom, for “not last year's match”.",
        default=True,
    )
    default_locale: str = _setting(
        parse.choice("en", "de"), "The language of people whose browser names none we know.", default="en"
    )
    log_format: str = _setting(
        parse.choice("text", "json"), "`text` for people, `json` for machines.", default="text"
    )
    log_level: str = _setting(
        parse.choice("DEBUG", "INFO", "WARNING", "ERROR"), "The least level that is logged.", default="INFO"
    )
    metrics_token: str = _setting(
        parse.token,
        "Bearer token for `/metrics`; without one the page does not exist.",
        default="",
        secret=True,
        shown="none",
    )
    heartbeat_url: str = _setting(
        parse.http_url,
        "Pinged as `<url>/<job>/start`, `…/<job>` and `…/<job>/fail`, for a dead-man switch.",
        default="",
        secret=True,
        shown="none",
    )

    # Where the secret key was found in the data folder; None where the environment has it.
    key_file: Path | None = None
    # The earlier keys that this file held; `old_secret_keys` are only those that the environment names.
    kept_secret_keys: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value}' for name, value in self.redacted().items())})"

    def redacted(self) -> dict[str, str]:
        """Every setting as text that may be shown: secrets only say whether they are set."""
        return {spec.name: _shown(spec.metadata["secret"], getattr(self, spec.name)) for spec in declared()}

    @property
    def earlier_keys(self) -> tuple[bytes, ...]:
        """Every earlier key, from the key file and from the environment."""
        return (*self.kept_secret_keys, *self.old_secret_keys)

    @property
    def is_development(self) -> bool:
        """Whether pages for developers are served."""
        return self.env == "development"

    @property
    def is_https(self) -> bool:
        """Whether people reach the instance over https, so that cookies may insist on it."""
        return self.base_url.startswith("https://")

    @property
    def host(self) -> str:
        """Host name (and port, where one is named) of the base URL."""
        return urlsplit(self.base_url).netloc


@dataclass(frozen=True)
class Documented:
    """One line of the settings table in README."""

    variable: str
    default: str
    help: str
    is_secret: bool


def documented() -> list[Documented]:
    """Every setting as README lists it."""
    return [
        Documented(
            PREFIX + spec.name.upper(),
            spec.metadata["shown"] or _shown(False, spec.default),
            spec.metadata["help"],
            spec.metadata["secret"],
        )
        for spec in declared()
    ]


def declared() -> list[Field[Any]]:
    """The fields that are settings, in the order of their declaration."""
    return [spec for spec in fields(Settings) if spec.metadata]


def load(environ: Mapping[str, str] | None = None) -> tuple[Settings, list[str]]:
    """Read the settings from `environ` (default: the process's) and fill in what the data folder holds.

    Returns the settings and warnings about unknown variables. Raises `SettingsError` with one line for each
    wrong, doubled or unreadable value.
    """
    environ = os.environ if environ is None else environ  # noqa: TID251
    problems: list[str] = []
    values: dict[str, Any] = {}
    for spec in declared():
        name = PREFIX + spec.name.upper()
        text = _read(environ, name, secret=spec.metadata["secret"], problems=problems)
        if text is None:
            continue
        try:
            values[spec.name] = spec.metadata["parse"](text.strip())
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise SettingsError(problems)
    return _completed(Settings(**values)), _unknown(environ)


def environment_with(**defaults: str) -> dict[str, str]:
    """This process's environment for one that takes its place, with `defaults` for what it does not say."""
    return defaults | os.environ  # noqa: TID251


def _completed(settings: Settings) -> Settings:
    """Fill in the database address and the secret key that live in the data folder."""
    folder = settings.data_dir.resolve()
    filled = {spec.name: getattr(settings, spec.name) for spec in fields(settings)} | {"data_dir": folder}
    if not settings.database_url or not settings.secret_key:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                [f"SNEAKY_DATA_DIR: cannot make {folder} ({error.strerror}); name a folder we may write"]
            ) from None
    if not settings.database_url:
        filled["database_url"] = f"sqlite:///{folder / 'sneaky.db'}"
    if not settings.secret_key:
        filled["key_file"] = folder / key_file.NAME
        filled["secret_key"], *kept = key_file.own_keys(folder / key_file.NAME)
        filled["kept_secret_keys"] = tuple(kept)
    return Settings(**filled)


def _read(environ: Mapping[str, str], name: str, *, secret: bool, problems: list[str]) -> str | None:
    """The text of one setting from its variable or, for a secret, from the file another variable names."""
    text, file_name = environ.get(name), environ.get(f"{name}_FILE") if secret else None
    if text is not None and file_name is not None:
        problems.append(f"{name}: set it or {name}_FILE, not both")
        return None
    if file_name is not None:
        try:
            return Path(file_name).read_text("utf-8-sig")
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            problems.append(f"{name}_FILE: cannot read {file_name} ({why})")
            return None
    if text is not None and not text.strip():
        problems.append(f"{name}: it is empty; give it a value or take it out")
        return None
    return text


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {entry.variable for entry in documented()} | _KNOWN_ELSEWHERE
    known |= {f"{entry.variable}_FILE" for entry in documented() if entry.is_secret}
    warnings = []
    for name in sorted(set(filter(lambda name: name.startswith(PREFIX), environ)) - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        warnings.append(f"{name} is not a setting of ours" + (f"; did you mean {near[0]}?" if near else ""))
    return warnings


def _shown(is_secret: bool, value: Any) -> str:
    if is_secret:
        return "set" if value else "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def settings() -> Settings:
    """The settings of the running app."""
    from flask import current_app  # noqa: PLC0415  (the server reads settings before any worker loads Flask)

    current: Settings = current_app.extensions[EXTENSION]
    return current
