"""The worker as a process: it stops when told, and begins anew where a run of it hangs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from sneaky import serving, worker


class Became(Exception):
    """Raised where the process would have replaced or ended itself."""


class PretendedWorker:
    """A worker whose end is chosen by the test."""

    def __init__(self, _app: Flask, *, threads: int, pace: object) -> None:
        self.has_to_begin_anew = self.hangs
        self.stops = 0

    hangs = False
    is_idle = True
    is_told = False

    def begin_stop(self) -> None:
        self.stops += 1

    def work(self) -> bool:
        if self.is_told:
            os.kill(os.getpid(), signal.SIGTERM)
            assert self.stops == 1
        return self.is_idle


@pytest.fixture(autouse=True)
def became(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the process became; signal handlers are as before afterwards."""
    made: list[Any] = []

    def end(*arguments: Any) -> None:
        made.append(arguments)
        raise Became

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(worker, "Worker", PretendedWorker)
    monkeypatch.setattr(os, "execv", end)
    monkeypatch.setattr(os, "_exit", end)
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_told_to_stop_it_returns(app: Flask, became: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretendedWorker, "is_told", True)
    serving.run_worker(app)
    assert became == []


def test_where_a_run_hangs_the_same_command_begins_anew(
    app: Flask, became: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedWorker, "hangs", True)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "sneaky", "worker"])
    with pytest.raises(Became):
        serving.run_worker(app)
    assert became == [(sys.executable, [sys.executable, "-m", "sneaky", "worker"])]


def test_told_to_stop_with_a_run_that_hangs_it_ends_the_hard_way(
    app: Flask, became: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PretendedWorker, "is_told", True)
    monkeypatch.setattr(PretendedWorker, "is_idle", False)
    with pytest.raises(Became):
        serving.run_worker(app)
    assert became == [(1,)]
