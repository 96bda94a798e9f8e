"""The rows of organizers: what is typed is checked, and what is checked is written."""

from __future__ import annotations

from sqlalchemy import select, update

from sneaky.access import addresses, audit, claims, passwords, sessions
from sneaky.access.profiles import OrganizerProfile
from sneaky.core.clock import now
from sneaky.core.db import db, insert_into, open_session
from sneaky.core.errors import RuleBroken, words
from sneaky.core.typed import line
from sneaky.models import MagicToken, Organizer, TokenPurpose
from sneaky.models.columns import NAME_LENGTH
from sneaky.outbox import gate

_TAKEN = words("Somebody with this address is an organizer already.")


def checked(name: str, email: str, password: str) -> tuple[str, str, str]:
    """Name and address as we keep them, and the hash of a password that is good enough.

    Hashing takes its time, so this comes before the transaction. Raises `RuleBroken` on the field to blame.
    """
    name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
    email = addresses.normalise(email)
    passwords.check(password, about=(name, email))
    if id_of(email) is not None:
        raise RuleBroken(_TAKEN, field="email")
    return name, email, passwords.make_hash(password)


def checked_password(password: str, who: OrganizerProfile) -> str:
    """The hash of a password that is good enough for `who`. Raises `RuleBroken`."""
    passwords.check(password, about=(who.name, who.email))
    return passwords.make_hash(password)


def insert(name: str, email: str, password_hash: str, *, is_admin: bool) -> int:
    """Add an organizer in the open transaction and close set-up; returns the id. Raises `RuleBroken`."""
    session, at = open_session(), now()
    instance = gate.lock(session)
    instance.set_up_at = instance.set_up_at or at
    organizer_id = session.scalar(
        insert_into(Organizer)
        .values(name=name, email=email, password_hash=password_hash, is_admin=is_admin, created_at=at)
        .on_conflict_do_nothing(index_elements=[Organizer.email])
        .returning(Organizer.id)
    )
    if organizer_id is None:
        raise RuleBroken(_TAKEN, field="email")
    audit.note("organizer.created", organizer_id=organizer_id, is_admin=is_admin)
    return int(organizer_id)


def store_password(organizer_id: int, password_hash: str) -> None:
    """Give an organizer another password in the open transaction; sessions and reset links end."""
    open_session().execute(
        update(Organizer).where(Organizer.id == organizer_id).values(password_hash=password_hash)
    )
    claims.revoke(MagicToken.organizer_id == organizer_id, MagicToken.purpose == TokenPurpose.PASSWORD_RESET)
    sessions.end_all(organizer_id=organizer_id)
    audit.note("organizer.password_changed", organizer_id=organizer_id)


def id_of(email: str) -> int | None:
    """The organizer with this address."""
    return db.session.scalar(select(Organizer.id).where(Organizer.email == email))
