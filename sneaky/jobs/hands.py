"""Many hands: the leader leaves runs that are due as rows, and workers take them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from sneaky.core.db import has_engine, nudge_after_commit, transaction
from sneaky.core.errors import NotFound
from sneaky.executions import claims, requests, waiting
from sneaky.executions.claims import Claim
from sneaky.jobs.retrying import patiently
from sneaky.jobs.running import JobResult, Order, Runner, carry_out, perform
from sneaky.jobs.work import Work, resolve
from sneaky.models import Trigger


def leave(order: Order, runner: Runner) -> JobResult:
    """Leave a run to the workers, as a row under the same rules as a claim; nothing is run here.

    A stale run goes back among those that wait. Raises `NotLeading` where the runner's term has passed.
    """
    refusal = patiently(lambda: _leave(order, runner), stopping=runner.stopping)
    runner.claimed()
    if refusal is not None and order.request is not None:
        requests.refuse(order.request, refusal.value)
    return JobResult(order.job_id, success=refusal is None, error=refusal.value if refusal else "")


def _leave(order: Order, runner: Runner) -> claims.Refusal | None:
    if order.stale is None:
        return waiting.leave(
            order.job_id,
            order.slot,
            trigger=order.trigger,
            pool=order.work.timed.pool,
            fence=runner.fence,
            request=order.request,
        )
    execution_id, lease_id = order.stale
    if lease_id is not None:
        waiting.put_back(execution_id, lease_id, pool=order.work.timed.pool, fence=runner.fence)
    return None


def knock_again() -> None:
    """Tell the engine once more of every run that waits: rows are the truth, and a knock may get lost.

    So does nothing that waited while another engine was in force. A run that an engine knows of already is
    known to it once.
    """
    waits = waiting.all_that_wait() if has_engine() else {}
    if not waits:
        return
    with transaction():
        for execution_id, job_id in waits.items():
            with suppress(NotFound):  # of another release, whose leader will knock
                nudge_after_commit(resolve(job_id)[0].timed.pool, execution_id)


@dataclass(frozen=True)
class Taken:
    """A run that this process took: its job, and how to make it now."""

    work: Work
    run: Callable[[], JobResult]


class Unknown(NotFound):
    """A run of a job that this version does not know waits; `job_id` says which. It was put back."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no job called {job_id}; a newer version has to run it.")
        self.job_id = job_id


def take(runner: Runner, *, but: Collection[str] = (), only: int | None = None) -> Taken | None:
    """Take a run that waits, except for the job ids in `but`, or `only` that of an id; None: nothing does.

    A tick is taken out of the history at once: it leaves a row only if it works. Raises `Unknown` for a job
    of another release, which waits on for a worker of that one.
    """
    taken = waiting.take(instance=runner.instance, lease=runner.lease, but=but, only=only)
    if taken is None:
        return None
    try:
        work, ids = resolve(taken.job_id)
    except NotFound:
        claims.hand_over(taken)
        raise Unknown(taken.job_id) from None
    if work.timed.is_tick and taken.trigger is Trigger.CLOCK:
        return Taken(work, _tick(taken, work, ids, runner))
    return Taken(work, lambda: carry_out(work, ids, runner, taken))


def _tick(taken: Claim, work: Work, ids: tuple[int, ...], runner: Runner) -> Callable[[], JobResult]:
    waiting.withdraw(taken)
    return lambda: perform(Order(work, ids, taken.slot, taken.trigger), runner)
