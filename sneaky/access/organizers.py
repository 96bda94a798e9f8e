"""Organizers: how they become one, come in, and change their password."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytz
from sqlalchemy import select, update

from sneaky.access import (
    accounts,
    addresses,
    audit,
    claims,
    passwords,
    personal_letters,
    rate_limits,
)
from sneaky.access.claims import Link
from sneaky.access.profiles import ORGANIZER_COLUMNS, OrganizerProfile
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import Forbidden, NotFound, RuleBroken, words
from sneaky.core.settings import settings
from sneaky.core.typed import line
from sneaky.models import Instance, LetterKind, MagicToken, Organizer, TokenPurpose
from sneaky.models.columns import NAME_LENGTH
from sneaky.outbox import gate, links

INVITATION_LIVES = timedelta(days=7)
RESET_LIVES = timedelta(hours=1)
_SETUP_LIVES = timedelta(days=7)
_LOCALES = frozenset({"en", "de"})
_OLD_LINK = words("This link was used already, or it is too old.")
_WRONG = words("Address and password do not go together. Try again, or choose a new password.")
_INVITATION = (LetterKind.ORGANIZER_INVITATION, TokenPurpose.ORGANIZER_INVITATION)
_RESET = (LetterKind.PASSWORD_RESET, TokenPurpose.PASSWORD_RESET)


def is_set_up() -> bool:
    """Whether the first organizer was made; set-up is closed for good from then on."""
    return db.session.scalar(select(Instance.id).where(Instance.set_up_at.is_not(None))) is not None


def setup_link() -> str | None:
    """The one-time link that makes the first organizer, the same until it is used; None once it was."""
    if is_set_up():
        return None
    with transaction() as session:
        if gate.lock(session).set_up_at is not None:
            return None
        open_id = session.scalar(
            select(MagicToken.id)
            .where(
                MagicToken.purpose == TokenPurpose.SETUP,
                MagicToken.used_at.is_(None),
                MagicToken.revoked_at.is_(None),
                MagicToken.expires_at > now(),
            )
            .order_by(MagicToken.id)
            .limit(1)
        )
        token = links.token_of(open_id) if open_id is not None else None
        token = token or links.mint(TokenPurpose.SETUP, lifetime=_SETUP_LIVES).token
        return links.url(links.path_of(TokenPurpose.SETUP, token))


def set_up(token: str, *, name: str, email: str, password: str) -> int:
    """Make the first organizer, who is also admin of the instance; returns the id.

    Works once. Raises `NotFound` for a wrong, used or late token, and `RuleBroken` for what was typed.
    """
    _pressed(token, TokenPurpose.SETUP)
    name, email, password_hash = accounts.checked(name, email, password)
    with transaction() as session:
        if gate.lock(session).set_up_at is not None:
            raise NotFound
        _claim(token, TokenPurpose.SETUP)
        return accounts.insert(name, email, password_hash, is_admin=True)


def create(name: str, email: str, password: str, *, is_admin: bool = False) -> int:
    """Make an organizer; returns the id. Whoever is made first closes set-up.

    Raises `RuleBroken` (fields `name`, `email`, `password`), also when the address has an account already.
    """
    name, email, password_hash = accounts.checked(name, email, password)
    with transaction():
        return accounts.insert(name, email, password_hash, is_admin=is_admin)


def sign_in(email: str, password: str, *, ip: str) -> int:
    """The organizer whose address and password these are.

    An unknown address costs the same work as a wrong password and gets the same answer, `RuleBroken`. Raises
    `TooMany` when the account or the network tried too often.
    """
    rate_limits.hit(rate_limits.SIGN_IN_BY_NETWORK, addresses.network(ip))
    email = addresses.normalise(email)
    rate_limits.hit(rate_limits.SIGN_IN_BY_ACCOUNT, addresses.folded(email))
    found = db.session.execute(
        select(Organizer.id, Organizer.password_hash).where(Organizer.email == email)
    ).one_or_none()
    is_right = passwords.is_right(password, found.password_hash if found else None)
    if found is None or not is_right:
        audit.note_refusal("organizer.sign_in_refused", organizer_id=found.id if found else None)
        raise RuleBroken(_WRONG, field="password")
    fresh: dict[str, Any] = {"signed_in_at": now()}
    if passwords.is_outdated(found.password_hash):
        fresh["password_hash"] = passwords.make_hash(password)
    with transaction() as session:
        session.execute(update(Organizer).where(Organizer.id == found.id).values(fresh))
        audit.note("organizer.signed_in", organizer_id=found.id)
    return int(found.id)


def request_password_reset(email: str, *, ip: str) -> None:
    """Write to an organizer with a link to choose a new password; an unknown address costs the same work.

    Raises `RuleBroken` for what is no address, and `TooMany`.
    """
    _write_alike(email, ip, unknown_to=None)


def sign_up(email: str, *, ip: str) -> None:
    """Write to somebody who wants to become an organizer, where the instance lets anybody.

    Who has an account already gets a link to choose a new password instead; the answer never tells. Raises
    `NotFound` where only invitations count, `RuleBroken` for what is no address, and `TooMany`.
    """
    if settings().signup != "open":
        raise NotFound
    _write_alike(email, ip, unknown_to=LetterKind.ORGANIZER_INVITATION)


def invite(admin_id: int, email: str) -> None:
    """Write to somebody with a link to become an organizer. Raises `Forbidden` for anybody but admins."""
    if not profile(admin_id).is_admin:
        raise Forbidden
    email = addresses.normalise(email)
    with transaction():
        if accounts.id_of(email) is not None:
            raise RuleBroken("Somebody with this address is an organizer already.", field="email")
        claims.revoke(MagicToken.purpose == TokenPurpose.ORGANIZER_INVITATION, MagicToken.email == email)
        personal_letters.send(*_INVITATION, email, lifetime=INVITATION_LIVES, organizer_id=admin_id)
        audit.note("organizer.invited", organizer_id=admin_id)


def accept_invitation(token: str, *, name: str, password: str) -> int:
    """Become an organizer under the address that was invited; returns the id.

    Raises `NotFound` for a wrong, used or late link, and `RuleBroken` for what was typed.
    """
    email = _pressed(token, TokenPurpose.ORGANIZER_INVITATION).email or ""
    name, email, password_hash = accounts.checked(name, email, password)
    with transaction():
        _claim(token, TokenPurpose.ORGANIZER_INVITATION)
        return accounts.insert(name, email, password_hash, is_admin=False)


def reset_password(token: str, password: str) -> int:
    """Choose a new password by a link from a letter; returns the organizer's id, whose sessions all end.

    Raises `NotFound` for a wrong, used or late link, and `RuleBroken` for the password.
    """
    organizer_id = _pressed(token, TokenPurpose.PASSWORD_RESET).organizer_id or 0
    password_hash = accounts.checked_password(password, profile(organizer_id))
    with transaction():
        _claim(token, TokenPurpose.PASSWORD_RESET)
        accounts.store_password(organizer_id, password_hash)
    return organizer_id


def change_password(organizer_id: int, old: str, new: str) -> None:
    """Change a password; every session of the organizer ends. Raises `RuleBroken` and `TooMany`."""
    who = profile(organizer_id)
    rate_limits.hit(rate_limits.SIGN_IN_BY_ACCOUNT, addresses.folded(who.email))
    stored = db.session.scalars(select(Organizer.password_hash).where(Organizer.id == organizer_id)).one()
    if not passwords.is_right(old, stored):
        audit.note_refusal("organizer.password_refused", organizer_id=organizer_id)
        raise RuleBroken("This is not your present password.", field="old_password")
    set_password(organizer_id, new)


def set_password(organizer_id: int, password: str) -> None:
    """Give an organizer a new password; all their sessions end. Raises `RuleBroken` and `NotFound`."""
    password_hash = accounts.checked_password(password, profile(organizer_id))
    with transaction():
        accounts.store_password(organizer_id, password_hash)


def profile(organizer_id: int) -> OrganizerProfile:
    """Who an organizer is. Raises `NotFound`."""
    row = db.session.execute(select(*ORGANIZER_COLUMNS).where(Organizer.id == organizer_id)).one_or_none()
    if row is None:
        raise NotFound
    return OrganizerProfile(*row)


def change_profile(organizer_id: int, *, name: str, locale: str | None, zone: str | None) -> None:
    """Change how an organizer is called and in which language and IANA zone we write to them."""
    name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
    if locale is not None and locale not in _LOCALES:
        raise RuleBroken("We do not speak this language yet.", field="locale")
    if zone is not None and zone not in pytz.all_timezones_set:
        raise RuleBroken("We do not know this time zone.", field="zone")
    with transaction() as session:
        session.execute(
            update(Organizer).where(Organizer.id == organizer_id).values(name=name, locale=locale, zone=zone)
        )


def by_email(email: str) -> int:
    """The organizer with this address, as we keep it. Raises `NotFound`."""
    organizer_id = accounts.id_of(email)
    if organizer_id is None:
        raise NotFound("No organizer has this address.")
    return organizer_id


def open_link(token: str, purpose: TokenPurpose) -> Link:
    """The link of a token that may still be used for `purpose`. Raises `NotFound`."""
    link = claims.look(token)
    is_closed = purpose is TokenPurpose.SETUP and is_set_up()
    if link is None or link.purpose is not purpose or not link.is_fresh or is_closed:
        raise NotFound(_OLD_LINK)
    return link


def _pressed(token: str, purpose: TokenPurpose) -> Link:
    """The link of a token that is used now; that one is not let in stands in the audit trail."""
    try:
        return open_link(token, purpose)
    except NotFound:
        audit.note_refusal("organizer.link_refused", purpose=purpose.value)
        raise


def _write_alike(email: str, ip: str, *, unknown_to: LetterKind | None) -> None:
    """Write to an organizer with a reset link; to others an invitation, or do only the work of a letter."""
    email = addresses.normalise(email)
    rate_limits.count_letter(email, ip=ip)
    with transaction():
        organizer_id = accounts.id_of(email)
        if organizer_id is not None:
            personal_letters.send(*_RESET, email, lifetime=RESET_LIVES, organizer_id=organizer_id)
        elif unknown_to is not None:
            personal_letters.send(*_INVITATION, email, lifetime=INVITATION_LIVES)
        else:
            personal_letters.send(*_RESET, email, lifetime=RESET_LIVES, is_pretence=True)


def _claim(token: str, purpose: TokenPurpose) -> None:
    if claims.claim(claims.of_token(token), purpose) is None:
        raise NotFound(_OLD_LINK)
