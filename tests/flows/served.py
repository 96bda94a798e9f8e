"""Serves the app as `sneaky serve` does, with a clock that follows a file: the tests' own movable clock."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine
from flask import Flask

from sneaky import scheduler, serving
from sneaky.app import create_app
from sneaky.cli.database import bring_to_head
from sneaky.cli.main import greet
from sneaky.core import settings as settings_module
from sneaky.core.db import db, nudge
from sneaky.core.settings import Settings
from sneaky.scheduler.clock import Pace

# Ten seconds after a kill another process leads in earnest; here nobody waits as long.
_PACE = Pace(beat=1.0, take_over_after=3.0)
_CLOCK = Path(os.environ["TESTS_CLOCK"])  # noqa: TID251  (a variable of the tests, unknown to the product)


class MovedClock:
    """The process's clock, set from the file whenever that changes."""

    def __init__(self) -> None:
        self._number = 0
        self._travel: Any = None
        self.follow()

    def follow(self) -> bool:
        """Look at the file; true if the clock was moved."""
        wanted = json.loads(_CLOCK.read_text())
        if wanted["number"] == self._number:
            return False
        if self._travel is not None:
            self._travel.stop()
        passed = timedelta(seconds=time.monotonic() - wanted["since"])
        self._travel = time_machine.travel(datetime.fromisoformat(wanted["to"]) + passed, tick=True)
        self._travel.start()
        self._number = wanted["number"]
        return True

    def confirm(self) -> None:
        """Tell the test that the clock stands where it wanted it."""
        _CLOCK.with_suffix(".done").write_text(str(self._number))


def follow_for_ever(clock: MovedClock, wake: Any) -> None:
    """Follow the file and wake the scheduler after each move, as a jump of the real clock would not."""
    clock.confirm()
    while True:
        time.sleep(0.05)
        if clock.follow():
            wake()
            clock.confirm()


class ServerWithMovedClock(serving.Server):
    """The product's server, whose workers follow the file."""

    def load_config(self) -> None:
        """Take the product's configuration, with one hook around its own."""
        super().load_config()
        self.cfg.set("post_worker_init", start_following)


def create_quicker_app(settings: Settings) -> Flask:
    """The product's app, whose clock is quicker to take over."""
    app = create_app(settings)
    scheduler.init_app(app, _PACE)
    return app


def start_following(worker: Any) -> None:
    """Start the product's clock in the worker, and let its time follow the file."""
    serving.post_worker_init(worker)
    app = worker.wsgi

    def wake() -> None:
        with app.app_context():
            for topic in ("schedule", "letters", "runs"):
                nudge(topic)

    threading.Thread(target=follow_for_ever, args=(CLOCK, wake), daemon=True).start()


if __name__ == "__main__":
    CLOCK = MovedClock()
    app = create_app()
    with app.app_context():
        bring_to_head()
        greet()
        db.session.remove()
        db.engine.dispose()
        current = settings_module.settings()
    ServerWithMovedClock(current, create_quicker_app).run()
