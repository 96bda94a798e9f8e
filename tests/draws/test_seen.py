"""A draw is changed once by whoever has seen the same state of it, however often and at once they press."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask

from sneaky.core.errors import RuleBroken
from sneaky.draws import conduct, repair, reveal, seen
from sneaky.draws.repair import Repair
from tests.draws import drawn

AT_ONCE = 10


def test_a_state_lasts_until_the_draw_changes(app: Flask) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    first = seen.state_of(exchange_id)
    reveal.reveal(people[0])
    repair.preview(exchange_id, Repair(swapping=(people[0],)))
    assert seen.state_of(exchange_id) == first
    repair.apply(exchange_id, Repair(swapping=(people[0],)))
    second = seen.state_of(exchange_id)
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    assert len({first, second, seen.state_of(exchange_id)}) == 3


@pytest.mark.parametrize("way", ["mended", "drawn again"])
def test_of_many_who_saw_the_same_one_changes_it(any_app: Flask, way: str) -> None:
    exchange_id, people = drawn.a_drawn_exchange(6)
    state = seen.state_of(exchange_id)
    barrier, done, refused = threading.Barrier(AT_ONCE), [], []
    change: Callable[[], object] = {
        "mended": lambda: repair.apply(exchange_id, Repair(swapping=(people[0],)), seen=state),
        "drawn again": lambda: conduct.redraw(exchange_id, even_if_mail_unproven=True, seen=state),
    }[way]

    def press() -> None:
        with any_app.app_context():
            barrier.wait()
            try:
                done.append(change())
            except RuleBroken as broken:
                refused.append(broken.message)

    threads = [threading.Thread(target=press) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(done), len(refused)) == (1, AT_ONCE - 1)
    assert all("has changed since" in message for message in refused)
