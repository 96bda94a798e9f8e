"""Runs one job once: claim, work with the lease kept, outcome recorded, whoever asked for it."""

from __future__ import annotations

import functools
import logging
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db
from sneaky.core.log import shorten
from sneaky.core.tokens import new_nonce
from sneaky.executions import alerts, claims, history, requests
from sneaky.executions.claims import Claim, Fence, LeaseLost, Refusal
from sneaky.executions.heartbeat import heart
from sneaky.executions.history import Outcome
from sneaky.jobs.keeping import kept
from sneaky.jobs.retrying import is_database_away, patiently
from sneaky.jobs.timetable import BY_ID
from sneaky.jobs.work import WORKS, Body, Run, Skipped, Stop, Stopped, Work
from sneaky.models import ExecutionState, Trigger, TroubleKind

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobResult:
    """What became of a run; what a job called by hand hands back."""

    job_id: str
    success: bool
    counts: dict[str, int] = field(default_factory=dict)
    error: str = ""
    state: ExecutionState | None = None
    reason: str = ""
    duration: float = 0.0
    execution: str = ""

    def __repr__(self) -> str:
        how = self.state.value if self.state else "not run"
        did = ", ".join(f"{what} {number}" for what, number in self.counts.items()) or "nothing to do"
        tail = self.error or self.reason
        return f"<{self.job_id} {how} in {self.duration:.2f} s: {did}{f' ({tail})' if tail else ''}>"


@dataclass(frozen=True)
class Order:
    """One run to make: which job with which ids, for which slot (UTC instant), and why.

    `request` is the public id of the request behind it; `stale` the id and lease of the run to take over.
    """

    work: Work
    ids: tuple[int, ...]
    slot: datetime
    trigger: Trigger
    request: str | None = None
    stale: tuple[int, str | None] | None = None

    @property
    def job_id(self) -> str:
        """The job id it is recorded under."""
        return self.work.job_id(*self.ids)


def _nothing() -> None:
    """What is done about a claim or a hung run where nobody cares."""


@dataclass(frozen=True)
class Runner:
    """Who runs: this process under its term, until `stopping` is set.

    `claimed` is called once it is settled who runs the slot, `overrun` for a run that hangs.
    """

    instance: str = field(default_factory=new_nonce)
    fence: Fence | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    lease: timedelta = claims.LEASE
    claimed: Callable[[], None] = _nothing
    overrun: Callable[[], None] = _nothing


class Hands(Protocol):
    """Who makes a run that is due: `perform` makes it here and now, `hands.leave` leaves it to the workers.

    Whatever decides what is due hands its orders to one of these, and need not know which.
    """

    def __call__(self, order: Order, runner: Runner, /) -> JobResult:
        """Make the run or see to it that it is made; raises `NotLeading` where the term has passed."""


def perform(order: Order, runner: Runner) -> JobResult:
    """Make one run and write down how it went; never raises for a failing body.

    Raises `NotLeading` where the runner's term has passed; then nothing was done. Where the outcome cannot be
    written down, the database's error is raised: the lease ends, and the run is made again.
    """
    if order.work.timed.is_tick and order.trigger is Trigger.CLOCK:
        return _tick(order, runner)
    claimed = patiently(lambda: _claim(order, runner), stopping=runner.stopping)
    runner.claimed()
    if not isinstance(claimed, Claim):
        return JobResult(order.job_id, success=False, error=claimed.value if claimed else "")
    return carry_out(order.work, order.ids, runner, claimed)


def by_hand(name: str, *ids: int) -> JobResult:
    """Run a job now, in the foreground, as somebody at a shell asks for it."""
    work = WORKS[name]
    return perform(Order(work, ids, now(), Trigger.SHELL), Runner())


def job(*, id_form: str = "") -> Callable[[Body], Callable[..., JobResult]]:
    """Make a body (a function of its run and ids) the job of its name: called, it runs by hand.

    `id_form` says how its ids make a job id, such as `reminder_exchange_{}_days_{}`.
    """

    def register(body: Body) -> Callable[..., JobResult]:
        WORKS[body.__name__] = Work(BY_ID[body.__name__], body, id_form)

        @functools.wraps(body)
        def run_by_hand(*ids: int) -> JobResult:
            return by_hand(body.__name__, *ids)

        return run_by_hand

    return register


def _claim(order: Order, runner: Runner) -> Claim | Refusal | None:
    """Our claim; the reason there is none; or None where a stale run moved on without us."""
    if order.stale is not None:
        execution_id, lease_id = order.stale
        return claims.reclaim(
            execution_id, lease_id, instance=runner.instance, fence=runner.fence, lease=runner.lease
        )
    claimed = claims.claim(
        order.job_id,
        order.slot,
        trigger=order.trigger,
        instance=runner.instance,
        fence=runner.fence,
        request=order.request,
        lease=runner.lease,
    )
    if order.request is not None and isinstance(claimed, Refusal):
        requests.refuse(order.request, claimed.value)
    return claimed


def carry_out(work: Work, ids: tuple[int, ...], runner: Runner, claimed: Claim) -> JobResult:
    """Make the run that is claimed already, keep its lease meanwhile, and write down how it went."""
    run = Run(
        work.timed,
        claimed.slot,
        claimed.trigger,
        counts=claimed.counts,
        stopping=runner.stopping,
        save=lambda progress: claims.renew(claimed, lease=runner.lease, **progress),
    )
    named = {"job": claimed.job_id, "slot": f"{claimed.slot:%FT%TZ}", "execution": claimed.public_id}
    logger.info("job starts", extra=named | {"trigger": claimed.trigger.value, "attempt": claimed.attempt})
    heart().started(work.name)
    # What the database cuts off is begun again; a run made by hand ends before the eyes of its maker.
    goes_on = claimed.attempt < claims.ATTEMPTS and claimed.trigger is not Trigger.SHELL
    hung = functools.partial(_give_up, work, run, claimed, runner)
    with kept(claimed, lease=runner.lease, hard_limit=work.timed.hard_limit, hung=hung):
        try:
            outcome = _outcome(run, work, ids, goes_on=goes_on)
            patiently(lambda: _write_down(claimed, outcome, work.name))
        except LeaseLost as lost:
            logger.warning("job goes on in another process", extra=named)
            return JobResult(claimed.job_id, success=False, error=lost.message)
        except (KeyboardInterrupt, SystemExit) as interruption:  # at a shell: the run ends here and now
            history.finish(claimed, _failure(run, interruption), job=work.name)
            raise
    _log_end(outcome, named)
    if outcome.state is not ExecutionState.RUNNING:
        heart().ended(work.name, is_success=outcome.state is not ExecutionState.FAILED)
    return _result(claimed.job_id, outcome, claimed.public_id)


def _tick(order: Order, runner: Runner) -> JobResult:
    work, started_at = order.work, now()
    run = Run(work.timed, order.slot, order.trigger, stopping=runner.stopping)
    runner.claimed()
    hung = functools.partial(_give_up_tick, work, run, started_at, runner)
    with kept(None, lease=runner.lease, hard_limit=work.timed.hard_limit, hung=hung):
        outcome = _outcome(run, work, order.ids)
    if outcome.state is ExecutionState.RUNNING:  # there is no slot to finish: the next tick goes on
        outcome = replace(outcome, state=ExecutionState.SUCCEEDED)
    is_failure = outcome.state is ExecutionState.FAILED
    heart().ticked(work.name, is_success=not is_failure)
    if not is_failure and not run.counts:
        alerts.close(work.name)
        return _result(work.name, outcome, "")
    if is_failure and alerts.is_open(TroubleKind.FAILED, work.name):
        logger.error("job still fails", extra={"job": work.name, "error": outcome.error})
        return _result(work.name, outcome, "")
    public_id = patiently(
        lambda: history.record_tick(work.name, outcome, started_at=started_at, instance=runner.instance)
    )
    _log_end(outcome, {"job": work.name, "execution": public_id})
    return _result(work.name, outcome, public_id)


def _outcome(run: Run, work: Work, ids: tuple[int, ...], *, goes_on: bool = False) -> Outcome:
    """Let the body work, and tell how it ended; RUNNING: it `goes_on` in another turn. Raises `LeaseLost`."""
    state, reason = ExecutionState.SUCCEEDED, ""
    try:
        work.body(run, *ids)
    except Stopped as stopped:
        reason = stopped.why.value
        state = ExecutionState.RUNNING if stopped.why is Stop.SHUTDOWN else state
    except Skipped as skipped:
        state, reason = ExecutionState.SKIPPED, str(skipped)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001  (here any body may fail, and its traceback is kept)
        state = ExecutionState.RUNNING if goes_on and is_database_away(error) else ExecutionState.FAILED
        return _failure(run, error, state)
    return Outcome(state, monotonic() - run.began, run.counts, run.done, run.total, reason, log=run.log)


def _failure(run: Run, error: BaseException, state: ExecutionState = ExecutionState.FAILED) -> Outcome:
    """The outcome of a body that raised; what it left open in the session is let go."""
    db.session.remove()
    logger.error("job fails", exc_info=error)
    return Outcome(
        state,
        monotonic() - run.began,
        run.counts,
        run.done,
        run.total,
        error=shorten(f"{type(error).__name__}: {error}"),
        traceback=shorten("".join(traceback.format_exception(error))),
        log=run.log,
    )


def _hung(work: Work, run: Run) -> Outcome:
    logger.error("job hangs", extra={"job": work.name})
    error = f"it hung: not done after {work.timed.hard_limit}"
    return Outcome(ExecutionState.FAILED, monotonic() - run.began, dict(run.counts), error=error, log=run.log)


def _give_up(work: Work, run: Run, claimed: Claim, runner: Runner) -> None:
    """Fence a run that hangs, mark it failed, and have its process replaced: a thread cannot be killed."""
    with suppress(LeaseLost):  # another process has it, and this one hangs all the same
        history.finish(claimed, _hung(work, run), job=work.name)
        heart().ended(work.name, is_success=False)
    runner.overrun()


def _give_up_tick(work: Work, run: Run, started_at: datetime, runner: Runner) -> None:
    """The same for a tick, which had no row so far."""
    history.record_tick(work.name, _hung(work, run), started_at=started_at, instance=runner.instance)
    heart().ticked(work.name, is_success=False)
    runner.overrun()


def _write_down(claimed: Claim, outcome: Outcome, job: str) -> None:
    if outcome.state is ExecutionState.RUNNING:
        attempt = claimed.attempt + bool(outcome.error)
        claims.hand_over(claimed, attempt=attempt, counts=outcome.counts, done=outcome.done, log=outcome.log)
    else:
        history.finish(claimed, outcome, job=job)


def _log_end(outcome: Outcome, named: dict[str, str]) -> None:
    level = logging.ERROR if outcome.state is ExecutionState.FAILED else logging.INFO
    told = named | {"state": outcome.state.value, "duration": round(outcome.duration, 3)} | outcome.counts
    for name in ("reason", "error"):
        if text := getattr(outcome, name):
            told[name] = text
    logger.log(level, "job ends", extra=told)


def _result(job_id: str, outcome: Outcome, execution: str) -> JobResult:
    is_success = outcome.state in {ExecutionState.SUCCEEDED, ExecutionState.SKIPPED}
    return JobResult(
        job_id,
        is_success,
        dict(outcome.counts),
        outcome.error,
        outcome.state,
        outcome.reason,
        outcome.duration,
        execution,
    )
