"""Web, scheduler and worker processes on one PostgreSQL, under load, killed and frozen at random."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy import func, select

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db
from sneaky.draws.conduct import conduct_draw
from sneaky.exchanges import join_links
from sneaky.models import (
    Exchange,
    JobExecution,
    Letter,
    LetterKind,
    LetterState,
    Participant,
    Reminder,
    ReminderState,
    Worker,
)
from tests import factories
from tests.faults.fleet import Fleet
from tests.faults.processes import Figure, Instance, rounds, running, wait_until
from tests.faults.test_reminders_killed import Postman, postman
from tests.flows.visitor import Visitor

SECONDS = rounds(10, 600)
PEOPLE = 6
EXCHANGES = max(4, SECONDS // 5)
MARKS = SECONDS * 4
JOINING = max(1, SECONDS // 20)  # exchanges that take newcomers: the limit is a hundred letters an hour each

__all__ = ["postman"]
pytestmark = [pytest.mark.postgres, pytest.mark.timeout(SECONDS * 3 + 600)]


@pytest.fixture
def instance(any_app: Flask, tmp_path: Path) -> Iterator[Instance]:
    with running(any_app, tmp_path) as made:
        yield made


@pytest.fixture
def fleet(any_app: Flask, instance: Instance, postman: tuple[Postman, str]) -> Iterator[Fleet]:
    made = Fleet(any_app, instance.folder, instance.marks_file, postman[1])
    try:
        yield made
    finally:
        made.end()


@dataclass
class Newcomers:
    """People who join over HTTP, by whichever web process answers, for as long as nobody says stop."""

    fleet: Fleet
    links: list[str]
    answered: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def come(self, lane: int) -> None:
        number = 0
        while not self.stop.wait(0.3):
            number += 1
            email = f"new{lane}.{number}@example.org"
            for _try in range(40):  # as a person does who sees an error page, or none
                if self._join(email, random.choice(self.fleet.webs).url) or self.stop.wait(0.5):
                    break

    def _join(self, email: str, url: str) -> bool:
        visitor = Visitor(url)
        visitor._session.headers["X-Forwarded-For"] = ".".join(str(random.randint(1, 250)) for _ in range(4))
        link = self.links[hash(email) % len(self.links)]
        try:
            visitor.open(urlsplit(link).path)
            visitor._base_url = "http://127.0.0.1"
            visitor.submit("I take part", name=email.partition("@")[0], email=email)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            return False  # it was killed or frozen under our hands
        except AssertionError as error:
            self.broken.append(str(error)[:500])
            return False
        self.answered.add(email)
        return True


def draw_exchanges(number: int) -> list[int]:
    """Exchanges with a real draw, each with a reminder that falls due while the fleet suffers."""
    drawn = []
    for place in range(number):
        due_in = timedelta(seconds=8 + SECONDS * place / number)
        event_at = (now() + timedelta(days=1) + due_in).replace(microsecond=0)
        exchange_id = factories.an_exchange(
            event_local=event_at.replace(tzinfo=None),
            zone="UTC",
            state="registration_closed",
            reminder_days=[1],
        )
        factories.participants(exchange_id, PEOPLE)
        conduct_draw(exchange_id, even_if_mail_unproven=True)
        drawn.append(exchange_id)
    return drawn


def open_exchanges(number: int) -> list[str]:
    """The join links of exchanges that take people."""
    found = []
    for _ in range(number):
        exchange_id = factories.an_exchange()
        join_links.replace(exchange_id)
        link = join_links.current(exchange_id)
        assert link is not None
        found.append(link)
    return found


def letters() -> dict[LetterState, int]:
    db.session.remove()
    counted = db.session.execute(select(Letter.state, func.count()).group_by(Letter.state))
    return {row[0]: row[1] for row in counted}


def number_of(*conditions: object) -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).where(*conditions)) or 0  # type: ignore[arg-type]


@pytest.mark.parametrize("any_app", ["postgresql"], indirect=True)
def test_a_fleet_loses_nothing_whoever_is_killed_or_frozen(
    any_app: Flask,
    instance: Instance,
    fleet: Fleet,
    postman: tuple[Postman, str],
    record_property: Figure,
) -> None:
    links, drawn = open_exchanges(JOINING), draw_exchanges(EXCHANGES)
    instance.plan_marks(range(MARKS), within=SECONDS, starts_in=6)
    fleet.start()
    wait_until(lambda: number_of(Worker.instance.is_not(None)) == 2, "two workers are there", 120)
    newcomers = Newcomers(fleet, links)
    lanes = [threading.Thread(target=newcomers.come, args=(lane,)) for lane in range(2)]
    for lane in lanes:
        lane.start()
    db.session.remove()  # PostgreSQL ends transactions that idle for as long as this
    until, pause = monotonic() + SECONDS, threading.Event()
    while monotonic() < until:
        pause.wait(random.uniform(1.5, 4.0))
        fleet.do_harm()
    newcomers.stop.set()
    for lane in lanes:
        lane.join(60)

    instance.wait_for_marks(MARKS, 120 + SECONDS)
    planned = (Reminder.state == ReminderState.PLANNED,)
    wait_until(lambda: number_of(*planned) == 0, "every reminder is settled", 120 + SECONDS)
    wait_until(lambda: set(letters()) == {LetterState.SENT}, "every letter is sent", 120 + SECONDS)
    assert fleet.stop() == {}, fleet.said()[-4000:]

    instance.assert_each_ran_once(MARKS)
    assert_effects_once_each(drawn, newcomers)
    assert_letters_arrived(fleet, postman[0])
    record_property("killed", dict(Counter(fleet.faults.killed)))
    record_property("frozen", dict(Counter(fleet.faults.frozen)))
    record_property("runs, letters, joined", (MARKS, sum(letters().values()), len(newcomers.answered)))
    record_property("letters doubled", doubled(postman[0]))
    record_property("runs taken over", number_of(JobExecution.attempt > 1))


def assert_effects_once_each(drawn: list[int], newcomers: Newcomers) -> None:
    """A reminder for each drawn exchange, one letter of each kind for each person, a place for who joined."""
    assert newcomers.broken == []
    assert len(newcomers.answered) > SECONDS // 10
    assert number_of(Reminder.state == ReminderState.SENT, Reminder.queued_count == PEOPLE) == len(drawn)
    for kind in (LetterKind.MATCH, LetterKind.REMINDER):
        assert number_of(Letter.kind == kind) == PEOPLE * len(drawn)
    places = db.session.scalars(
        select(Participant.email).join(Exchange).where(Exchange.id.not_in(drawn))
    ).all()
    assert len(places) == len(set(places))
    assert newcomers.answered <= set(places)


def doubled(postman: Postman) -> int:
    """How many letters came more often than once, by their Message-ID."""
    came = Counter(message_id for ids in postman.taken.values() for message_id in ids)
    return sum(times - 1 for times in came.values())


def assert_letters_arrived(fleet: Fleet, postman: Postman) -> None:
    """None is lost; twice came at most those that two senders had in hand at a kill, or at a long freeze."""
    came = {message_id for ids in postman.taken.values() for message_id in ids}
    assert len(came) == number_of(Letter.state == LetterState.SENT)
    assert doubled(postman) <= 2 * len(fleet.faults)
