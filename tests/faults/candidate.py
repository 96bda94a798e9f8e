"""One process that keeps time, at test speed, with a job that leaves a mark outside of the database.

Started by the tests with its wishes as JSON in the only argument. It says `stands` when it is up, `leads` and
`follows` as things change, and ends on SIGTERM as the product does.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

from sneaky import scheduler, serving
from sneaky.app import create_app
from sneaky.core.settings import load
from sneaky.jobs.timetable import Timed
from sneaky.jobs.work import WORKS, Run, Work
from sneaky.outbox import leases
from sneaky.scheduler.clock import Clock, Pace


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def marking_job(
    file: Path,
    seconds: float,
    *,
    deadly: Collection[int] = (),
    endless: Collection[int] = (),
    hard_limit: float = 600.0,
) -> Work:
    """A job that writes its number into a file, in one atomic append, and takes `seconds`.

    `deadly` numbers kill their process after a second, `endless` ones never come back.
    """
    marks = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def body(run: Run, number: int) -> None:
        if number in endless:
            threading.Event().wait()
        if number in deadly:
            run.pause(1.0)
            os.kill(os.getpid(), signal.SIGKILL)
        run.pause(seconds)
        run.checkpoint()
        os.write(marks, f"{number}\n".encode())
        run.count("marks")

    return Work(Timed("mark", "Mark", hard_limit=timedelta(seconds=hard_limit)), body, "mark_{}")


def tell_who_leads(clock: Clock) -> None:
    """Say it whenever it changes."""
    say("stands")
    was_leading, pause = False, threading.Event()
    while not pause.wait(0.01):
        is_leading = clock.is_leading and clock.scheduler.running
        if is_leading != was_leading:
            say("leads" if is_leading else "follows")
            was_leading = is_leading


def main(wishes: dict[str, Any]) -> None:
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    settings, _warnings = load(wishes["environment"])
    leases.LEASE = timedelta(seconds=wishes["letter_lease"])
    leases.LADDER = (timedelta(seconds=1),) * len(leases.LADDER)
    WORKS["mark"] = marking_job(Path(wishes["marks"]), wishes["seconds"], **wishes["trouble"])
    app = create_app(settings)
    scheduler.init_app(app, Pace(**wishes["pace"]))
    threading.Thread(target=tell_who_leads, args=(scheduler.clock_of(app),), daemon=True).start()
    serving.run_clock(app)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
