"""Deletes what the clock need not remember any longer."""

from __future__ import annotations

from datetime import timedelta

from sneaky.executions import history
from sneaky.jobs.running import job
from sneaky.jobs.work import Run
from sneaky.outbox import queue

LETTERS_KEPT = timedelta(days=30)
_BATCH = 500


@job()
def prune_job_history(run: Run) -> None:
    """Delete runs older than 90 days and letters settled more than 30 days ago, as of the slot."""
    run.batches("runs", lambda: history.prune(run.slot - history.KEPT, _BATCH))
    run.batches("letters", lambda: queue.prune(run.slot - LETTERS_KEPT, _BATCH))
