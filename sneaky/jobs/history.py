"""Deletes what the clock need not remember any longer."""

from __future__ import annotations

from datetime import timedelta

from sneaky.access import audit
from sneaky.draws import earlier
from sneaky.executions import alerts, history, requests
from sneaky.jobs.running import job
from sneaky.jobs.work import Run
from sneaky.outbox import queue

LETTERS_KEPT = timedelta(days=30)
_BATCH = 500


@job()
def prune_job_history(run: Run) -> None:
    """Delete old runs (90 days), settled letters (30 days), audit lines (a year), and pairs (18 months).

    With the runs go the requests for them, and the troubles with them that are over.
    """
    since = run.slot - history.KEPT
    run.batches("runs", lambda: history.prune(since, _BATCH))
    run.batches("requests", lambda: requests.prune(since, _BATCH))
    run.batches("troubles", lambda: alerts.prune(since, _BATCH))
    run.batches("letters", lambda: queue.prune(run.slot - LETTERS_KEPT, _BATCH))
    run.batches("audit lines", lambda: audit.prune(run.slot - audit.KEPT, _BATCH))
    run.batches("pairs", lambda: earlier.prune(run.slot, _BATCH))
