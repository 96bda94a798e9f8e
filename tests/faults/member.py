"""One process of a fleet, as the product starts it but at test speed: web, scheduler or worker.

Its wishes come as JSON in the only argument. A web process serves; each of the others ends on SIGTERM.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from sneaky import scheduler, serving
from sneaky.app import create_app
from sneaky.core.settings import Settings, load
from sneaky.jobs.work import WORKS
from sneaky.outbox import leases
from sneaky.worker import Pace
from tests.faults.candidate import marking_job
from tests.faults.processes import FAST


def main(wishes: dict[str, Any]) -> None:
    settings, _warnings = load(wishes["environment"])
    leases.LEASE = timedelta(seconds=wishes["letter_lease"])
    WORKS["mark"] = marking_job(Path(wishes["marks"]), wishes["seconds"])
    if wishes["role"] == "web":
        serving.serve(settings, create_app)
        return
    app = create_app(settings)
    if wishes["role"] == "worker":
        serving.run_worker(app, None if wishes["as_shipped"] else pace_of_worker(settings))
    else:
        if not wishes["as_shipped"]:
            scheduler.init_app(app, FAST)
        serving.run_clock(app)


def pace_of_worker(settings: Settings) -> Pace:
    """Test speed, for the worker that fits the engine."""
    pace = Pace(look=0.1, beat=0.2, lease=FAST.lease, stop_within=FAST.stop_within)
    if settings.engine == "local":
        return pace
    from sneaky.worker.procrastinating import EnginePace  # noqa: PLC0415  (loaded only where it is used)

    return EnginePace(**asdict(pace), heartbeat=0.5, stalled=2.0, rescue=0.5, begin_again=0.2)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
