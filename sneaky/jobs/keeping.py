"""Keeps a run alive while its body works: renews the lease, and notices a run that hangs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask, current_app

from sneaky.core.clock import monotonic
from sneaky.executions import claims
from sneaky.executions.claims import Claim, LeaseLost
from sneaky.jobs.retrying import log_failure

logger = logging.getLogger(__name__)

# A renewal may be on its way when the block ends; nobody waits longer for it, in seconds.
_LAST_RENEWAL = 5.0


@contextmanager
def kept(
    claimed: Claim | None, *, lease: timedelta, hard_limit: timedelta, hung: Callable[[], None]
) -> Iterator[None]:
    """Renew the lease of `claimed` from a thread beside the block; call `hung` there at the hard limit.

    A step may take far longer than a lease, so the renewal cannot wait for the next checkpoint. A hung run is
    renewed no more. Without a claim only the limit is watched.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    over = threading.Event()
    watch = threading.Thread(
        target=_watch, args=(app, over, claimed, lease, hard_limit, hung), name="lease", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join(_LAST_RENEWAL)


def _watch(
    app: Flask,
    over: threading.Event,
    claimed: Claim | None,
    lease: timedelta,
    hard_limit: timedelta,
    hung: Callable[[], None],
) -> None:
    deadline = monotonic() + hard_limit.total_seconds()
    while not over.wait(max(0.0, min(lease.total_seconds() / 3, deadline - monotonic()))):
        with app.app_context():
            try:
                if monotonic() >= deadline:
                    hung()
                    return
                if claimed is not None:
                    claims.renew(claimed, lease=lease)
            except LeaseLost:
                claimed = None  # the body learns it at its next checkpoint, if it ever gets there
            except Exception as error:  # noqa: BLE001  (whatever it is, the next try may do)
                log_failure(logger, "the lease of a run could not be renewed; trying again", error)
                over.wait(min(1.0, lease.total_seconds() / 10))
