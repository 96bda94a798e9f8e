"""Letters to one domain: put aside while its server is slow, and no more of them a minute than it may get."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from sneaky.core.db import rows_written
from sneaky.core.settings import settings
from sneaky.models import Letter, LetterState
from sneaky.models.letters import LEASED, WAITING
from sneaky.outbox.queue import BULK

ASIDE: Final = timedelta(minutes=2)
_MINUTE: Final = timedelta(minutes=1)


def put_aside(session: Session, domain: str, at: datetime) -> None:
    """Let the letters to a slow domain wait, so that they do not keep everybody else's waiting."""
    _wait(session, domain, at + ASIDE)


def keep_pace(session: Session, domain: str, at: datetime) -> None:
    """Let bulk to a domain wait once it has, or is just getting, all the letters of a minute."""
    rate = settings().mail_domain_rate
    if rate >= settings().mail_rate:
        return  # no domain can get more than all of them together
    here = Letter.to_email.endswith(f"@{domain}", autoescape=True)
    on_its_way = session.scalar(select(func.count()).select_from(Letter).where(LEASED, here)) or 0
    arrived = select(func.count(), func.min(Letter.settled_at)).where(
        Letter.state == LetterState.SENT,
        Letter.settled_at > at - _MINUTE,
        Letter.settled_at <= at,  # a later one left before somebody set the clock back
        here,
    )
    number, oldest = session.execute(arrived).one()
    if on_its_way + number >= rate:
        _wait(session, domain, (oldest or at) + _MINUTE, Letter.priority == BULK)


def _wait(session: Session, domain: str, until: datetime, *narrower: ColumnElement[bool]) -> None:
    here = Letter.to_email.endswith(f"@{domain}", autoescape=True)
    others = update(Letter).where(WAITING, Letter.next_try_at < until, here, *narrower)
    rows_written(session, others.values(next_try_at=until))
