"""Whether letters may go now: held by an admin or a refusal, paused by an absent server, paced by rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.crypto import keyring
from sneaky.core.db import db, insert_into, nudge_after_commit, transaction
from sneaky.core.settings import settings
from sneaky.models import Instance, Trouble, TroubleKind

_INSTANCE = 1
_SUBJECT = "outbox"
_REASON_LENGTH = 500
_MINUTE = timedelta(minutes=1)
# Nothing pauses longer, so a longer pause means that somebody set the clock back.
_LONGEST_PAUSE = timedelta(hours=1)
_PROOF_IS_FRESH = timedelta(minutes=10)

# Built once, since every letter needs them.
_LOCKED = select(Instance).where(Instance.id == _INSTANCE).with_for_update()
_BOOK = (
    update(cast("Table", Instance.__table__))
    .where(Instance.id == _INSTANCE)
    .values(mail_paced_at=bindparam("new_paced_at"))
)


@dataclass(frozen=True)
class Gate:
    """From when on letters may go (None: not before somebody resumes), and from when on bulk letters may."""

    opens_at: datetime | None
    bulk_opens_at: datetime


@dataclass(frozen=True)
class Pause:
    """The mail server is away, or asked us to wait: until when, and in its words why."""

    until: datetime
    reason: str


def hold(reason: str) -> None:
    """Keep every letter back until `resume`; new ones queue up meanwhile.

    It takes the place of a refusal's hold, which other mail settings would end.
    """
    with transaction() as session:
        _hold(lock(session), reason)
        _close_refusal(session)


def resume() -> None:
    """Let letters go again, at once; ends a hold, a pause and the alert about a refusal."""
    with transaction() as session:
        _open(session, lock(session))
        nudge_after_commit("letters")


def held_reason() -> str | None:
    """Why every letter is kept back; None while they go."""
    instance = db.session.get(Instance, _INSTANCE)
    return None if instance is None or instance.mail_held_at is None else instance.mail_held_reason


def pause_now() -> Pause | None:
    """The pause that letters are in while the mail server is away; it ends by itself."""
    instance = db.session.get(Instance, _INSTANCE)
    until = None if instance is None else _paused_until(instance, now())
    return None if instance is None or until is None else Pause(until, instance.mail_paused_reason or "")


def is_mail_proven() -> bool:
    """Whether the mail set-up of today has had a letter accepted, and is not held."""
    instance = db.session.get(Instance, _INSTANCE)
    return (
        instance is not None
        and instance.mail_held_at is None
        and instance.mail_accepted_by in _transport_tags()
    )


def lock(session: Session) -> Instance:
    """The one row about this installation, so that senders take turns; made where it is missing."""
    instance = session.scalars(_LOCKED).one_or_none()
    if instance is None:
        session.execute(insert_into(Instance).values(id=_INSTANCE).on_conflict_do_nothing())
        instance = session.scalars(_LOCKED).one()
    return instance


def read(session: Session, instance: Instance, at: datetime) -> Gate:
    """What the gate says at `at`; a refusal's hold ends where the mail settings have been changed since."""
    if instance.mail_held_at is not None and _was_refused_by_others(session):
        _open(session, instance)
    if instance.mail_held_at is not None:
        return Gate(None, at)
    opens_at = _paused_until(instance, at) or at
    return Gate(opens_at, max(opens_at, _paced(instance, at) - _slack()))


def book(session: Session, instance: Instance, at: datetime) -> None:
    """Count one letter that leaves at `at` against the rate."""
    session.execute(_BOOK, {"new_paced_at": _paced(instance, at) + _interval()})


def accept(instance: Instance, at: datetime) -> None:
    """The present transport took a letter: remember that as proof (anew every few minutes is enough)."""
    tag, proven_at = _transport_tag(), instance.mail_accepted_at
    if proven_at is None or instance.mail_accepted_by != tag or at - proven_at > _PROOF_IS_FRESH:
        instance.mail_accepted_at, instance.mail_accepted_by = at, tag


def pause(instance: Instance, at: datetime, length: timedelta, reason: str) -> None:
    """Keep every letter back for a while, an hour at most."""
    instance.mail_paused_until = at + min(length, _LONGEST_PAUSE)
    instance.mail_paused_reason = reason[:_REASON_LENGTH]


def refuse(session: Session, instance: Instance, reason: str) -> None:
    """The provider refuses us: hold every letter, and open the one trouble that the alert is about.

    A hold that somebody ordered meanwhile stays as it is.
    """
    if instance.mail_held_at is not None and _refusal(session) is None:
        return
    _hold(instance, reason)
    details = {"transport": _transport_tag(), "error": reason[:_REASON_LENGTH]}
    session.execute(
        insert_into(Trouble)
        .values(kind=TroubleKind.MAIL_REFUSED, subject=_SUBJECT, details=details, opened_at=now())
        .on_conflict_do_nothing()
    )


def _paused_until(instance: Instance, at: datetime) -> datetime | None:
    """When the pause ends that letters are in at `at`; None where they are in none."""
    until = instance.mail_paused_until
    return until if until is not None and at < until <= at + _LONGEST_PAUSE else None


def _hold(instance: Instance, reason: str) -> None:
    instance.mail_held_at, instance.mail_held_reason = now(), reason[:_REASON_LENGTH]


def _open(session: Session, instance: Instance) -> None:
    instance.mail_held_at = instance.mail_held_reason = None
    instance.mail_paused_until = instance.mail_paused_reason = None
    _close_refusal(session)


def _close_refusal(session: Session) -> None:
    session.execute(
        update(Trouble)
        .where(Trouble.kind == TroubleKind.MAIL_REFUSED, Trouble.closed_at.is_(None))
        .values(closed_at=now())
    )


def _was_refused_by_others(session: Session) -> bool:
    """Whether the hold comes from a provider, or from settings, that are no longer in use."""
    details = _refusal(session)
    return details is not None and details["transport"] not in _transport_tags()


def _refusal(session: Session) -> dict[str, Any] | None:
    """What is known about the refusal that holds every letter; None without one."""
    return session.scalars(
        select(Trouble.details).where(
            Trouble.kind == TroubleKind.MAIL_REFUSED,
            Trouble.subject == _SUBJECT,
            Trouble.closed_at.is_(None),
        )
    ).one_or_none()


def _transport_tag() -> str:
    """Names the mail settings in use without telling an address or a password."""
    return _transport_tags()[0]


def _transport_tags() -> list[str]:
    """The same under each key: a new one is no reason to take the settings for other ones."""
    return [
        ring.tag("mail-transport", settings().mail_url, settings().mail_from)[:11].hex()
        for ring in keyring().each()
    ]


# The rate is kept by the generic cell rate algorithm (ITU-T I.371): one instant, shared by every process,
# says by when the letters so far would have left at an even pace. A sixth of a minute's letters may run
# ahead of it, and the even pace is slower by as many, so that no minute sees more bulk than the rate.


def _burst() -> int:
    return settings().mail_rate // 6


def _interval() -> timedelta:
    return _MINUTE / (settings().mail_rate - _burst())


def _slack() -> timedelta:
    return _interval() * _burst()


def _paced(instance: Instance, at: datetime) -> datetime:
    """Where the pace has come to, never behind `at`; far ahead of it means that the clock was set back."""
    paced_at = instance.mail_paced_at or at
    return at if paced_at > at + _LONGEST_PAUSE else max(paced_at, at)
