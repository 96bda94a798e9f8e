"""One process of a fleet, as the product starts it but at test speed: web, scheduler or worker.

Its wishes come as JSON in the only argument. A web process serves; each of the others ends on SIGTERM.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from sneaky import scheduler, serving
from sneaky.app import create_app
from sneaky.core.settings import load
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
        serving.run_worker(app, Pace(look=0.1, beat=0.2, lease=FAST.lease, stop_within=FAST.stop_within))
    else:
        scheduler.init_app(app, FAST)
        serving.run_clock(app)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
