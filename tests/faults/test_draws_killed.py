"""kill -9 in the middle of a draw leaves none or a whole one; presses at once make one; large ones go on."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select, text

from sneaky.cli.check import findings
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.executions import runs
from sneaky.jobs import drawing
from sneaky.jobs.drawing import DrawingState
from sneaky.models import (
    Conversation,
    Draw,
    Exchange,
    ExchangeState,
    JobExecution,
    Letter,
    LetterKind,
    Match,
    PairMemory,
    Reminder,
)
from tests import factories
from tests.faults.processes import Instance, on_both_in_full, rounds, wait_until
from tests.faults.serving_process import serving
from tests.flows.visitor import Visitor

PEOPLE = 600
REMINDERS = 3


@dataclass(frozen=True)
class Traces:
    """Everything a draw leaves, in numbers."""

    state: ExchangeState
    draws: int
    matches: int
    conversations: int
    remembered: int
    letters: int
    reminders: int

    @classmethod
    def of(cls, exchange_id: int) -> Traces:
        db.session.remove()
        draws = select(Draw.id).where(Draw.exchange_id == exchange_id)
        moments = select(Draw.drawn_at).where(Draw.exchange_id == exchange_id)
        return cls(
            db.session.get_one(Exchange, exchange_id).state,
            _count(Draw.id, Draw.exchange_id == exchange_id),
            _count(Match.id, Match.draw_id.in_(draws)),
            _count(
                Conversation.id, Conversation.match_id.in_(select(Match.id).where(Match.draw_id.in_(draws)))
            ),
            _count(PairMemory.id, PairMemory.drawn_at.in_(moments)),
            _count(Letter.id, Letter.exchange_id == exchange_id, Letter.kind == LetterKind.MATCH),
            _count(Reminder.id, Reminder.exchange_id == exchange_id),
        )


NOTHING = Traces(ExchangeState.REGISTRATION_OPEN, 0, 0, 0, 0, 0, 0)


def whole(people: int) -> Traces:
    return Traces(ExchangeState.MATCHED, 1, people, people, people, people, REMINDERS)


def _count(column: Any, *conditions: Any) -> int:
    return db.session.scalar(select(func.count(column)).where(*conditions)) or 0


def an_exchange_of(people: int, organizer_id: int) -> int:
    exchange_id = factories.an_exchange(organizer_id)
    factories.a_crowd(exchange_id, people)
    return exchange_id


def open_draw_page(browser: Visitor, exchange_id: int) -> None:
    public_id = db.session.get_one(Exchange, exchange_id).public_id
    db.session.remove()
    browser.open(f"/exchanges/{public_id}/draw")


def press_draw(browser: Visitor) -> None:
    with suppress(requests.RequestException):  # the process is killed under our hands
        browser.submit(anyway="y")


def wait_for_the_database() -> None:
    """PostgreSQL ends what a killed process began only when it notices that nobody is there."""
    if db.engine.dialect.name == "postgresql":
        others = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"
        )

        def are_over() -> bool:
            db.session.remove()  # within one transaction PostgreSQL would repeat its first answer
            return not db.session.scalar(others)

        wait_until(are_over, "the killed process's transactions are over")


@on_both_in_full
def test_a_draw_killed_at_any_moment_is_none_or_whole(any_app: Flask, tmp_path: Path) -> None:
    kills = rounds(2, 200)
    organizer_id = factories.an_organizer()
    found: Counter[str] = Counter()
    with serving(any_app, tmp_path, scheduler="off") as process:
        browser = process.browser_of(organizer_id)
        unharmed = an_exchange_of(PEOPLE, organizer_id)
        open_draw_page(browser, unharmed)
        began = monotonic()
        press_draw(browser)
        usual = monotonic() - began
        assert Traces.of(unharmed) == whole(PEOPLE)
        for _ in range(kills):
            exchange_id = an_exchange_of(PEOPLE, organizer_id)
            open_draw_page(browser, exchange_id)
            pressing = threading.Thread(target=press_draw, args=(browser,))
            pressing.start()
            threading.Event().wait(random.uniform(0, 1.2 * usual))
            process.kill()
            pressing.join()
            wait_for_the_database()
            traces = Traces.of(exchange_id)
            assert traces in (NOTHING, whole(PEOPLE))
            assert list(findings()) == []
            found["whole" if traces.draws else "none"] += 1
            process.start()
    if kills > 100:
        assert min(found["whole"], found["none"]) > 0, found


@pytest.mark.usefixtures("any_app")
def test_forty_presses_at_once_draw_once(any_app: Flask, tmp_path: Path) -> None:
    organizer_id = factories.an_organizer()
    exchange_id = an_exchange_of(8, organizer_id)
    barrier = threading.Barrier(40)
    with serving(any_app, tmp_path, scheduler="off") as process:
        browsers = [process.browser_of(organizer_id) for _ in range(40)]
        for browser in browsers:
            open_draw_page(browser, exchange_id)

        def press(browser: Visitor) -> tuple[int, bool]:
            barrier.wait()
            browser.submit(anyway="y")
            return browser.status, browser.url.endswith("/draw")

        with ThreadPoolExecutor(40) as presses:
            answers = Counter(presses.map(press, browsers))
    assert answers == {(200, False): 1, (422, True): 39}
    assert Traces.of(exchange_id) == whole(8)
    assert list(findings()) == []


def state_of(exchange_id: int, run_id: str) -> DrawingState:
    db.session.remove()
    return drawing.drawing(exchange_id, run_id).state


def nothing_runs() -> bool:
    db.session.remove()
    return not runs.running()


def kill_amid_a_large_draw(instance: Instance, organizer_id: int) -> None:
    exchange_id = an_exchange_of(PEOPLE, organizer_id)
    run_id = drawing.ask_for_draw(exchange_id, organizer_id=organizer_id)
    wait_until(lambda: state_of(exchange_id, run_id) is not DrawingState.WAITING, "it is taken up")
    threading.Event().wait(random.uniform(0, 0.3))
    instance.candidates[-1].kill()
    wait_for_the_database()
    assert Traces.of(exchange_id) in (NOTHING, whole(PEOPLE))
    instance.start()
    wait_until(lambda: state_of(exchange_id, run_id) is DrawingState.DRAWN, "it is drawn", 60)
    assert Traces.of(exchange_id) == whole(PEOPLE)


@on_both_in_full
def test_a_large_draw_that_is_killed_is_made_by_the_next_leader(instance: Instance, any_app: Flask) -> None:
    organizer_id = factories.an_organizer()
    instance.start_many(1)
    for _ in range(rounds(1, 100)):
        kill_amid_a_large_draw(instance, organizer_id)
    wait_until(nothing_runs, "every run is written down")
    assert list(findings()) == []


def test_ten_thousand_are_drawn_while_the_page_stays_usable(
    app: Flask, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    organizer_id = factories.an_organizer()
    exchange_id = an_exchange_of(10_000, organizer_id)
    states: list[str] = []
    with serving(app, tmp_path, scheduler="on") as process:
        browser, looking = process.browser_of(organizer_id), process.browser_of(organizer_id)
        wait_until(lambda: process.answers("/readyz"), "somebody leads", 60)
        open_draw_page(browser, exchange_id)
        page = browser.submit(anyway="y").url
        assert "/draw/runs/" in page

        def is_drawn() -> bool:
            looking.open(page.partition("/draw/")[0])
            assert looking.status == 200
            states.append(browser.open(f"{page}.json").text)
            return '"drawn"' in states[-1]

        wait_until(is_drawn, "it is drawn", 90)
        assert "10000 letters go out now" in browser.open(page).text.replace(",", "")
        process.kill()
    assert Traces.of(exchange_id) == whole(10_000)
    [run] = db.session.scalars(select(JobExecution).where(JobExecution.job_id.startswith("draw_exchange_")))
    record_property("seconds of the draw of 10,000", run.duration)
    assert list(findings()) == []
