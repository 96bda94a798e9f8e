"""Brings exchanges to their end: completed after their date, warned about, erased."""

from __future__ import annotations

from sneaky.exchanges import completion, retention
from sneaky.jobs.running import job
from sneaky.jobs.work import Run

_COMPLETED_AT_ONCE = 4_000
_ERASED_AT_ONCE = 50


@job()
def auto_complete_exchanges(run: Run) -> None:
    """Complete exchanges whose date has passed at the slot, and those never drawn 30 days later."""
    run.batches("completed", lambda: completion.complete_due(run.slot, _COMPLETED_AT_ONCE))
    run.batches("never drawn", lambda: completion.complete_never_drawn(run.slot, _COMPLETED_AT_ONCE))


@job()
def purge_old_exchanges(run: Run) -> None:
    """Erase exchanges 30 days after completion, as of the slot, and warn of others 7 days ahead.

    Erasing comes first: what is warned of in this run has to wait its week, however late the run is.
    """
    run.batches("erased", lambda: retention.purge_due(run.slot, _ERASED_AT_ONCE))
    run.batches("warned", lambda: retention.warn_due(run.slot, _ERASED_AT_ONCE))
