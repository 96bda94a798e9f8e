"""The exchange page against a hello page of the same app, two workers against one, and queries a page."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from flask import Flask

from bench.harness import Parts, Row, at_least, at_most
from bench.instance import instance
from bench.served import HELLO, Served, an_exchange_page, serving_instance
from sneaky.core.settings import EXTENSION
from tests.web.exchanging import counted_queries

PEOPLE = 30
ROUNDS = 200
RATE_ROUNDS = 5
# Who asks, and whether the exchange is theirs: every page of an organizer asks both before its own queries.
CONSTANT = 2


def _queries() -> Iterator[Row]:
    """How many statements the exchange page sends."""
    with instance() as app:
        path, cookie = an_exchange_page(PEOPLE)
        larger = _queries_of(app, *an_exchange_page(2 * PEOPLE))
        queries = _queries_of(app, path, cookie)
        yield at_most(
            3 + CONSTANT,
            queries,
            metric=f"queries of the exchange page, {PEOPLE} participants",
            against=f"3 + {CONSTANT} for who asks",
            unit="",
        )
        yield at_most(
            1, larger / queries, metric="queries of the exchange page, 60 participants", against="30"
        )


def _workers() -> Iterator[Row]:
    """The rate of pages of two workers, and of one that stays on its processor."""
    with instance() as app:
        settings = app.extensions[EXTENSION]
        path, cookie = an_exchange_page(PEOPLE)
        with serving_instance(settings, pinned=True) as one:
            one_rate = _best_rate(one, path, cookie)
        with serving_instance(settings, workers=2) as two:
            two_rate = _best_rate(two, path, cookie)
    yield at_least(
        1.7,
        two_rate / one_rate,
        metric="2 workers",
        against="1 pinned worker",
        note=f"{two_rate:.0f} against {one_rate:.0f} pages/s; the clients share the processors",
    )


def _against_hello() -> Iterator[Row]:
    """By processor time: whoever else uses the machine does not count."""
    with instance() as app:
        path, cookie = an_exchange_page(PEOPLE)
        with serving_instance(app.extensions[EXTENSION]) as served:
            served.ask(path, cookie, 20)
            costs = [(served.cost(HELLO, cookie, 80), served.cost(path, cookie, 15)) for _ in range(ROUNDS)]
    hello, page = (statistics.median(column) for column in zip(*costs, strict=True))
    yield at_least(
        18,
        # Round by round, and many: what else the host does comes and goes, and weighs more on the longer one.
        statistics.median(100 * hello / page for hello, page in costs),
        metric=f"exchange page, {PEOPLE} participants",
        against="hello page of the same app",
        unit="%",
        note=f"{page * 1000:.2f} against {hello * 1000:.2f} ms of processor time",
    )


def _best_rate(served: Served, path: str, cookie: str) -> float:
    served.ask(path, cookie, 20)
    return max(served.rate(path, cookie, 20) for _ in range(RATE_ROUNDS))


def _queries_of(app: Flask, path: str, cookie: str) -> int:
    """How many statements one page sends; the first time is left out, since it may note the visit."""
    client = app.test_client()
    client.set_cookie("sneaky", cookie)
    client.get(path)
    with counted_queries(app) as sent:
        assert client.get(path).status_code == 200
    return len(sent)


PARTS: Parts = {"queries": _queries, "hello": _against_hello, "workers": _workers}
