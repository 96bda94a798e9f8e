"""Whether somebody is known here shows in no answer of a running instance, and not in how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import pytest

from sneaky.core.db import transaction
from sneaky.exchanges import join_links
from sneaky.models import RateLimit
from tests.factories import a_participant, an_exchange
from tests.faults.processes import Figure, rounds
from tests.trust.instance import Answer, Browser, Instance
from tests.trust.people import an_account
from tests.web.signing_in import csrf_token

pytestmark = pytest.mark.slow
ROUNDS = rounds(30, 500)
# The goal, beside the spread of chance in few rounds on a machine that does other things as well.
TOLERANCE = rounds(30, 10) / 100
KNOWN, UNKNOWN = "known", "nobody"


class Door:
    """A form that learns an address: sent for a known one and for an unknown one, over and over.

    Where it is another form that asks for the address, that one is sent before, at `asked_at`.
    """

    def __init__(self, instance: Instance, page: str, asked_at: str = "", **typed: str) -> None:
        self._browser = Browser(instance)
        self._page, self._asked_at, self._typed = page, asked_at, typed
        self._token = csrf_token(self._browser.open(page).text)
        self._cookie = self._browser.cookie

    def come(self, email: str) -> None:
        """Be the browser of somebody who has nothing but this address."""
        self._browser.cookie = self._cookie
        if self._asked_at:
            self._send(self._asked_at, email=email)

    def answer(self, email: str) -> Answer:
        """The answer to whoever came."""
        return self._send(self._page, **({} if self._asked_at else {"email": email}), **self._typed)

    def _send(self, page: str, **typed: str) -> Answer:
        return self._browser.ask("POST", page, form={"csrf_token": self._token, **typed})


@pytest.fixture
def patient() -> Callable[[], None]:
    """Forgets what was counted, so that limits do not stand between the rounds."""

    def forget() -> None:
        with transaction() as session:
            session.query(RateLimit).delete()

    return forget


def area(known: list[float], unknown: list[float]) -> float:
    """How often a known address took longer than an unknown one: 0.5 tells nothing, 0 and 1 tell all."""
    longer = sum((one > other) + (one == other) / 2 for one in known for other in unknown)
    return longer / (len(known) * len(unknown))


def doors(instance: Instance, domain: str) -> dict[str, Door]:
    """Every door that learns an address, with a known participant and a known organizer behind it."""
    email = f"{KNOWN}@{domain}"
    an_account(email)
    exchange = an_exchange()
    a_participant(exchange, email=email)
    join_links.replace(exchange)
    joining = (join_links.current(exchange) or "").removeprefix(instance.settings.base_url)
    return {
        "a sign-in": Door(instance, "/sign-in", password="wrong horse!"),
        "a new link": Door(instance, "/find"),
        "a typed code": Door(instance, "/code", asked_at="/find", code="AAAA-BBBB"),
        "a new password": Door(instance, "/forgot"),
        "a sign-up": Door(instance, "/sign-up"),
        "joining": Door(instance, joining, name="Ann", household_name="", ideas="A book\nWool socks"),
    }


def test_known_and_unknown_addresses_get_the_same_answer(instance: Instance) -> None:
    for name, door in doors(instance, "same.example.org").items():
        answers = []
        for who in (KNOWN, UNKNOWN):
            door.come(f"{who}@same.example.org")
            answers.append(door.answer(f"{who}@same.example.org"))
        assert answers[0].status in {303, 422}, name
        # A sign-in shows what was typed, which is not what we compare.
        known, unknown = ([str(part).replace(KNOWN, UNKNOWN) for part in each.alike()] for each in answers)
        assert known == unknown, name


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "name", ["a sign-in", "a new link", "a typed code", "a new password", "a sign-up", "joining"]
)
def test_known_and_unknown_addresses_take_the_same_time(
    instance: Instance, patient: Callable[[], None], record_property: Figure, name: str
) -> None:
    domain = f"{name.replace(' ', '-')}.example.org"
    door, times = doors(instance, domain)[name], {KNOWN: list[float](), UNKNOWN: list[float]()}
    for number in range(ROUNDS + 3):
        # By turns who comes first, so that neither finds what the other has warmed up.
        for who in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            patient()
            email = f"{who}@{domain}" if who == KNOWN else f"{who}{number}@{domain}"
            door.come(email)
            began = perf_counter()
            answer = door.answer(email)
            times[who].append(perf_counter() - began)
            assert answer.status in {303, 422}
    known, unknown = times[KNOWN][3:], times[UNKNOWN][3:]
    told = area(known, unknown)
    record_property("AUC", round(told, 3))
    assert abs(told - 0.5) <= TOLERANCE, (sorted(known), sorted(unknown))


def test_the_measure_would_notice(instance: Instance) -> None:
    assert area([2.0, 3.0], [1.0, 1.5]) == 1
    assert area([1.0, 2.0], [1.0, 2.0]) == 0.5
    quick = [number / 1000 for number in range(ROUNDS)]
    assert abs(area([time + 0.6 * ROUNDS / 1000 for time in quick], quick) - 0.5) > TOLERANCE
