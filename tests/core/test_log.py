"""The log: one line an event, addresses shortened, tokens cut, text or JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from sneaky.core import log


@pytest.fixture(autouse=True)
def own_root() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_addresses_and_links_are_shortened() -> None:
    assert log.shorten("to grandma.miller@example.org: no") == "to gr…@example.org: no"
    assert log.shorten("GET /m/AbCdEfGhIjKlMnOpQrSt_-x 200") == "GET /m/… 200"


def test_text_line_holds_level_message_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "text")
    logging.getLogger("sneaky.x").info(
        "sent to %s", "bob@example.org", extra={"job": "purge", "who": "ann@example.org"}
    )
    line = capsys.readouterr().err
    assert "INFO" in line
    assert "sent to bo…@example.org" in line
    assert "job=purge" in line
    assert "who=an…@example.org" in line


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("text", "value"), [("%d letters", "no"), ("100% sure %s", 1), ("%(n)s", {"m": 1})])
def test_who_logs_badly_is_told_and_goes_on(
    capsys: pytest.CaptureFixture[str], form: str, text: str, value: object
) -> None:
    logging.getLogger().handlers.clear()  # the one of pytest raises
    log.configure("INFO", form)
    logging.getLogger("somebody.elses").info(text, value)
    assert text in capsys.readouterr().err


def test_addresses_that_we_call_are_told_at_no_level(capsys: pytest.CaptureFixture[str]) -> None:
    """A watcher's address is a secret, and its path tells it."""
    log.configure("DEBUG", "text")
    logging.getLogger("urllib3.connectionpool").debug(
        '%s "GET %s"', "https://watch.example.org", "/s3cret/job"
    )
    assert capsys.readouterr().err == ""


def test_line_breaks_in_a_message_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "text")
    logging.getLogger("sneaky.x").info("name %s", "x\nERROR all is lost")
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_tracebacks_are_kept_and_shortened(capsys: pytest.CaptureFixture[str], form: str) -> None:
    log.configure("INFO", form)
    try:
        raise ValueError("cannot mail carol@example.org")
    except ValueError:
        logging.getLogger("sneaky.x").exception("job failed")
    out = capsys.readouterr().err
    assert "Traceback" in out
    assert "carol@" not in out
    assert "ca…@example.org" in out


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("INFO", "json")
    log.configure("INFO", "json")
    logging.getLogger("sneaky.x").warning("slow", extra={"job": "purge", "duration": 1.5})
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event["message"] == "slow"
    assert event["level"] == "WARNING"
    assert event["duration"] == 1.5


def test_level_holds(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("WARNING", "text")
    logging.getLogger("sneaky.x").info("quiet")
    assert capsys.readouterr().err == ""
