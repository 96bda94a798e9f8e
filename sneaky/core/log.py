"""The log: one line an event, as text or JSON, without addresses and secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_ADDRESS = re.compile(r"([^\s@<>\"']{1,2})[^\s@<>\"']*@([^\s@<>\"',;]+)")
_LINK = re.compile(r"(/(?:m|j|setup|reset|invitation|u)/)[A-Za-z0-9_.~-]{16,}")


def shorten(text: str) -> str:
    """Shorten mail addresses and cut tokens out of paths, so that neither enters the log."""
    return _LINK.sub(r"\1…", _ADDRESS.sub(r"\1…@\2", text))


def extras(record: logging.LogRecord) -> Mapping[str, object]:
    """The fields that the call gave with `extra=`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _said(record: logging.LogRecord) -> str:
    """What a record says; whoever logs must not fail because the arguments do not fit its text."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


class _Quiet(logging.Filter):
    """Shorten what a record says before any formatter sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = shorten(_said(record)), None
        for name, value in extras(record).items():
            if isinstance(value, str):
                setattr(record, name, shorten(value))
        return True


class _Text(logging.Formatter):
    """`time level logger message key=value …`, line breaks made visible."""

    def format(self, record: logging.LogRecord) -> str:
        named = "".join(f" {name}={value}" for name, value in extras(record).items())
        line = f"{self.formatTime(record)} {record.levelname:<7} {record.name} {record.getMessage()}{named}"
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        return f"{line}\n{shorten(self.formatException(record.exc_info))}" if record.exc_info else line


def configure(level: str, form: str) -> None:
    """Send every logger of the process to standard error, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Quiet())
    handler.setFormatter(_json() if form == "json" else _Text())
    root = logging.getLogger()
    for old in root.handlers[:]:
        if old.filters and isinstance(old.filters[0], _Quiet):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # urllib3 would tell the whole address of a watcher, which is a secret, and where else we call.
    for talkative in ("apscheduler", "alembic", "urllib3"):
        logging.getLogger(talkative).setLevel("WARNING")


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415  (only where JSON is asked for)

    class Json(JsonFormatter):
        def formatException(self, ei: object) -> str:  # noqa: N802
            return shorten(super().formatException(ei))  # type: ignore[arg-type]

    return Json(
        "{asctime}{levelname}{name}{message}",
        style="{",
        json_ensure_ascii=False,
        rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
    )
