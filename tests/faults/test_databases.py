"""A database that is locked, and a disk that is full: told kindly, and over without a restart (SQLite)."""

from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import make_url, select

from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.models import Leader
from tests import factories
from tests.faults.processes import assert_sound, rounds, wait_until
from tests.faults.serving_process import ServingProcess, serving
from tests.faults.test_draws_killed import NOTHING, Traces, an_exchange_of, open_draw_page, whole
from tests.flows.visitor import Visitor

PEOPLE = 12
AWAY = "503"


@pytest.fixture
def process(app: Flask, tmp_path: Path) -> Iterator[ServingProcess]:
    """Pages and clock, ready."""
    with serving(app, tmp_path, scheduler="on") as made:
        wait_until(lambda: made.answers("/readyz"), "it is ready")
        yield made


@contextmanager
def locked() -> Iterator[None]:
    """Somebody holds the lock that every writer needs."""
    file = str(make_url(str(db.engine.url)).database)
    db.session.remove()
    with closing(sqlite3.connect(file, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def full_disk(process: ServingProcess) -> Iterator[None]:
    """No file of the process can grow, as on a disk without room."""
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in process.pids()}
    for pid, (_soft, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, hard))
    yield
    for pid, limit in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


def press_and_be_put_off(browser: Visitor) -> None:
    """Press draw: the answer is a page that says when to come back."""
    with pytest.raises(AssertionError, match=f": {AWAY}"):
        browser.submit(anyway="y")
    assert "<h1" in browser.text
    assert "Traceback" not in browser.text


def leader() -> tuple[str | None, int]:
    db.session.remove()
    row = db.session.execute(select(Leader.holder, Leader.term)).one()
    db.session.remove()
    return row.holder, row.term


def test_a_short_lock_is_waited_for_and_nobody_notices(app: Flask, process: ServingProcess) -> None:
    organizer_id = factories.an_organizer()
    exchange_id = an_exchange_of(PEOPLE, organizer_id)
    browser = process.browser_of(organizer_id)
    open_draw_page(browser, exchange_id)
    with ThreadPoolExecutor(1) as hand:
        with locked():
            pressing = hand.submit(browser.submit, anyway="y")
            wait([pressing], timeout=rounds(1, 4))
        pressing.result()
    assert browser.status == 200
    assert Traces.of(exchange_id) == whole(PEOPLE)
    assert_sound()


def test_a_long_lock_is_told_and_the_clock_goes_on_after_it(app: Flask, process: ServingProcess) -> None:
    organizer_id = factories.an_organizer()
    exchange_id = an_exchange_of(PEOPLE, organizer_id)
    browser = process.browser_of(organizer_id)
    open_draw_page(browser, exchange_id)
    before, pids, began = leader(), process.pids(), monotonic()
    page = (browser.url, browser.text)
    with locked():
        press_and_be_put_off(browser)
        assert not process.answers("/readyz")
        threading.Event().wait(max(0.0, rounds(0, 60) - (monotonic() - began)))
    wait_until(lambda: process.answers("/readyz"), "it is ready again")
    assert Traces.of(exchange_id) == NOTHING
    browser.url, browser.text = page
    browser.submit(anyway="y")
    assert Traces.of(exchange_id) == whole(PEOPLE)
    assert (leader(), process.pids()) == (before, pids)
    assert_sound()


def test_on_a_full_disk_nothing_is_half_done_and_room_is_all_it_needs(
    app: Flask, process: ServingProcess
) -> None:
    organizer_id = factories.an_organizer()
    exchange_id = an_exchange_of(PEOPLE, organizer_id)
    browser = process.browser_of(organizer_id)
    open_draw_page(browser, exchange_id)
    before, pids = leader(), process.pids()
    page = (browser.url, browser.text)
    with full_disk(process):
        press_and_be_put_off(browser)
        assert process.answers("/healthz")
        if rounds(0, 1):  # the leader cannot beat, and after a minute that counts
            wait_until(lambda: not process.answers("/readyz"), "it is ready no more")
        assert Traces.of(exchange_id) == NOTHING
    wait_until(lambda: process.answers("/readyz"), "it is ready again")
    browser.url, browser.text = page
    browser.submit(anyway="y")
    assert Traces.of(exchange_id) == whole(PEOPLE)
    assert (leader(), process.pids()) == (before, pids)
    assert_sound()
