"""Deletes what the clock need not remember any longer."""

from __future__ import annotations

from datetime import timedelta

from sneaky.access import audit
from sneaky.executions import history
from sneaky.jobs.running import job
from sneaky.jobs.work import Run
from sneaky.outbox import queue

LETTERS_KEPT = timedelta(days=30)
_BATCH = 500


@job()
def prune_job_history(run: Run) -> None:
    """Delete runs of 90 days ago, letters settled 30 days ago, and lines of the audit trail of a year ago."""
    run.batches("runs", lambda: history.prune(run.slot - history.KEPT, _BATCH))
    run.batches("letters", lambda: queue.prune(run.slot - LETTERS_KEPT, _BATCH))
    run.batches("audit lines", lambda: audit.prune(run.slot - audit.KEPT, _BATCH))
