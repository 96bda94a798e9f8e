"""Draws the names of a large exchange apart from its page, and tells how far that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.draws import conduct
from sneaky.draws.rulebook import forbidden_pairs
from sneaky.exchanges import lifecycle
from sneaky.executions import requests, runs
from sneaky.executions.runs import RunRow
from sneaky.jobs.running import job
from sneaky.jobs.work import WORKS, Run, Skipped
from sneaky.models import Draw, Participant, ParticipantState, RequestState

# From so many people on, nobody should wait for the draw with a page half loaded.
LARGE = 1_000


class DrawingState(StrEnum):
    """How far a draw is that goes on by itself."""

    WAITING = "waiting"  # nobody took it up yet
    RUNNING = "running"
    DRAWN = "drawn"
    REFUSED = "refused"  # a rule speaks against it; nothing was drawn
    FAILED = "failed"  # a fault; nothing was drawn


@dataclass(frozen=True)
class Drawing:
    """A draw that goes on by itself: `done` of `total` steps, and in the end the letters or the `reason`."""

    run_id: str
    state: DrawingState
    done: int = 0
    total: int | None = None
    letters: int = 0
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state not in {DrawingState.WAITING, DrawingState.RUNNING}


@job(id_form="draw_exchange_{}_instead_of_{}")
def draw_names(run: Run, exchange_id: int, replaced_id: int) -> None:
    """Draw the names of an exchange in the place of the draw `replaced_id`; 0 where none counts.

    Working the draw out locks nothing; what follows is one transaction. So a run that is killed leaves no
    draw or a whole one, and the run that takes over finds out which.
    """
    run.counts.clear()
    if (conduct.current_draw_id(exchange_id) or 0) != replaced_id:
        raise Skipped("the names were drawn, or a draw was undone, since this was asked for")
    try:
        summary = _drawn(run, exchange_id, replaced_id)
    except conduct.NoDrawLeft:
        raise Skipped("the rules leave no draw") from None
    except RuleBroken as refused:
        raise Skipped(refused.message) from None
    run.count("letters", summary.letters)


def is_large(exchange_id: int) -> bool:
    """Whether a draw of this exchange is left to the clock."""
    people = select(func.count()).where(
        Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE
    )
    return (db.session.scalar(people) or 0) >= LARGE


def ask_for_draw(exchange_id: int, *, organizer_id: int, is_again: bool = False) -> str:
    """Ask for a draw, or with `is_again` for another one in the place of that which counts now.

    Returns the run's public id; one that is under way already is handed back. Raises `RuleBroken` where the
    names are drawn, or with `is_again` where they are not.
    """
    replaced_id = conduct.current_draw_id(exchange_id)
    if is_again and replaced_id is None:
        raise RuleBroken(conduct.NOTHING_TO_REPLACE)
    if replaced_id is not None and not is_again:
        raise RuleBroken("The names are already drawn. %(instead)s", instead=lifecycle.TO_DRAW_AGAIN)
    return under_way(exchange_id) or requests.ask(
        _job_id(exchange_id, replaced_id), organizer_id=organizer_id
    )


def under_way(exchange_id: int) -> str | None:
    """The public id of the draw of this exchange that waits or runs right now; None without one."""
    job_id = _job_id(exchange_id, conduct.current_draw_id(exchange_id))
    run = runs.running().get(job_id)
    return run.public_id if run else requests.waiting_for(job_id)


def drawing(exchange_id: int, run_id: str) -> Drawing:
    """How far a draw of this exchange is. Raises `NotFound` for a run that is none."""
    details = runs.details(run_id)
    asked = details.run if details else requests.find(run_id)
    ids = WORKS[draw_names.__name__].ids_of(asked.job_id)
    if ids is None or ids[0] != exchange_id:
        raise NotFound
    draw = db.session.get(Draw, conduct.current_draw_id(exchange_id) or 0)
    if draw is not None and draw.id != ids[1]:  # whatever its run came to tell
        return Drawing(run_id, DrawingState.DRAWN, letters=draw.participant_count)
    return _of_run(asked) if isinstance(asked, RunRow) else _of_request(asked)


def _drawn(run: Run, exchange_id: int, replaced_id: int) -> conduct.DrawSummary:
    rules = run.step(lambda: forbidden_pairs(exchange_id))
    db.session.remove()
    run.total = 2 * len(rules.people)
    run.checkpoint()
    planned = conduct.plan_draw(rules)
    run.count("drawn", len(rules.people))
    run.checkpoint()
    conducted = conduct.redraw if replaced_id else conduct.conduct_draw
    return run.step(lambda: conducted(exchange_id, even_if_mail_unproven=True, planned=planned))


def _of_run(run: RunRow) -> Drawing:
    if run.is_running:
        return Drawing(run.public_id, DrawingState.RUNNING, run.done, run.total)
    state = DrawingState.FAILED if run.is_failed else DrawingState.REFUSED
    return Drawing(run.public_id, state, run.done, run.total, reason=run.reason)


def _of_request(asked: requests.Request) -> Drawing:
    is_waiting = asked.state is RequestState.WAITING
    state = DrawingState.WAITING if is_waiting else DrawingState.REFUSED
    return Drawing(asked.public_id, state, reason=asked.reason)


def _job_id(exchange_id: int, replaced_id: int | None) -> str:
    return WORKS[draw_names.__name__].job_id(exchange_id, replaced_id or 0)
