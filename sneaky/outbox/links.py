"""Magic links: minted here, rebuilt whenever their letter is written again, and never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from sneaky.core import tokens
from sneaky.core.clock import now
from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import db, open_session
from sneaky.core.settings import settings
from sneaky.models import MagicToken, Participant, TokenPurpose

_LINKS = "magic-link"
_CODES = "magic-code"
_JOIN = "join-link"
_UNSUBSCRIBE = "unsubscribe-link"
_PUBLIC_ID_LENGTH = 22

_PATHS = {
    TokenPurpose.SETUP: "/setup/",
    TokenPurpose.PASSWORD_RESET: "/reset/",
    TokenPurpose.ORGANIZER_INVITATION: "/invitation/",
}


@dataclass(frozen=True)
class Minted:
    """A fresh link: the id of its row, the token for the address, and the code to type instead, if any."""

    token_id: int
    token: str
    code: str | None


def mint(
    purpose: TokenPurpose,
    *,
    lifetime: timedelta | None = None,
    until: datetime | None = None,
    participant_id: int | None = None,
    organizer_id: int | None = None,
    exchange_id: int | None = None,
    email: str | None = None,
    browser: str | None = None,
) -> Minted:
    """Make a link in the open transaction, good for `lifetime` or `until` an instant (one of the two).

    With `browser`, a secret that only the asking browser knows, a code comes with it that may be typed there
    instead of following the link. Only the hashes and a nonce are stored.
    """
    session = open_session()
    if (lifetime is None) == (until is None):
        raise ValueError("say either how long the link lives or until when")
    created_at, nonce = now(), tokens.new_nonce()
    token = _token(keyring(), purpose, nonce)
    code = _code(keyring(), nonce) if browser else None
    row = MagicToken(
        purpose=purpose,
        token_hash=tokens.digest(token),
        nonce=nonce,
        code_hash=hash_code(code, browser) if code and browser else None,
        browser_hash=tokens.digest(browser) if browser else None,
        organizer_id=organizer_id,
        exchange_id=exchange_id,
        participant_id=participant_id,
        email=email,
        created_at=created_at,
        expires_at=until or created_at + (lifetime or timedelta()),
    )
    session.add(row)
    session.flush()
    return Minted(row.id, token, code)


def mint_many(
    purpose: TokenPurpose, *, until: datetime, exchange_id: int, readers: Sequence[tuple[int, str]]
) -> list[int]:
    """Make a link for each reader (participant id, address) in the open transaction, by one statement.

    Returns the ids of the links in the order of `readers`; `token_of` and `rebuild` tell their tokens.
    """
    nonces = [tokens.new_nonce() for _ in readers]
    created_at, ring = now(), keyring()
    rows = [
        {
            "purpose": purpose,
            "token_hash": tokens.digest(_token(ring, purpose, nonce)),
            "nonce": nonce,
            "exchange_id": exchange_id,
            "participant_id": participant_id,
            "email": email,
            "created_at": created_at,
            "expires_at": until,
        }
        for nonce, (participant_id, email) in zip(nonces, readers, strict=True)
    ]
    statement = insert(MagicToken).returning(MagicToken.id, sort_by_parameter_order=True)
    return list(open_session().scalars(statement, rows))


def token_of(token_id: int) -> str | None:
    """Rebuild the token of a link, the same every time; None where no such link is stored.

    Whether it is used, revoked or expired is not asked here.
    """
    row = db.session.get(MagicToken, token_id)
    return None if row is None else rebuild(row)


def rebuild(row: MagicToken, ring: Keyring | None = None) -> str | None:
    """The token of a link; one made with an older secret key, if that is still known, is as it was.

    None where the key that made it is gone, or is not in `ring`, where one is given.
    """
    maker = _maker(row, ring or keyring())
    return None if maker is None else _token(maker, row.purpose, row.nonce)


def code_of(token_id: int) -> str | None:
    """Rebuild the code that came with a link; None where it has none."""
    row = db.session.get(MagicToken, token_id)
    return None if row is None else rebuild_code(row)


def rebuild_code(row: MagicToken) -> str | None:
    """The code that came with a link; None where it has none, or where the key that made it is gone."""
    maker = None if row.code_hash is None else _maker(row, keyring())
    return None if maker is None else _code(maker, row.nonce)


def hash_code(code: str, browser: str) -> str:
    """What is stored of a code: a keyed hash, so that 38 bits cannot be tried out on a stolen database."""
    return hashes_of_code(code, browser)[0]


def hashes_of_code(code: str, browser: str) -> list[str]:
    """What may be stored of a code: its hash under the current key, then under each older one."""
    return [ring.tag(_CODES, browser, code).hex() for ring in keyring().each()]


def join_token(exchange_public_id: str, nonce: str) -> str:
    """The token of an exchange's new join link."""
    return _join_token(keyring(), exchange_public_id, nonce)


def rebuild_join_token(
    exchange_public_id: str, nonce: str, join_hash: str, ring: Keyring | None = None
) -> str | None:
    """The token of a join link; None where the key that made it is gone, or is not in a given `ring`."""
    made = (_join_token(one, exchange_public_id, nonce) for one in (ring or keyring()).each())
    return next((token for token in made if tokens.equal(tokens.digest(token), join_hash)), None)


def unsubscribe_token(participant_id: int) -> str:
    """The token that ends reminders and notices to one participant; it never expires."""
    public_id = db.session.scalars(
        select(Participant.public_id).where(Participant.id == participant_id)
    ).one()
    return public_id + _mac(keyring(), public_id)


def participant_of_unsubscribe(token: str) -> int | None:
    """Whose unsubscribe token this is; None for a made-up one, or when they are gone."""
    public_id, mac = token[:_PUBLIC_ID_LENGTH], token[_PUBLIC_ID_LENGTH:]
    if not any(tokens.equal(_mac(ring, public_id), mac) for ring in keyring().each()):
        return None
    return db.session.scalars(select(Participant.id).where(Participant.public_id == public_id)).one_or_none()


def path_of(purpose: TokenPurpose, token: str) -> str:
    """The path under which a magic link of this purpose is opened."""
    return _PATHS.get(purpose, "/m/") + token


def url(path: str) -> str:
    """The full address of a path of ours; links only ever start with the configured base URL."""
    return settings().base_url + path


def _maker(row: MagicToken, ring: Keyring) -> Keyring | None:
    """The key of `ring` that made a link."""
    for one in ring.each():
        if tokens.equal(tokens.digest(_token(one, row.purpose, row.nonce)), row.token_hash):
            return one
    return None


def _join_token(ring: Keyring, exchange_public_id: str, nonce: str) -> str:
    return tokens.derive(ring.key(_JOIN), exchange_public_id, nonce)


def _token(ring: Keyring, purpose: TokenPurpose, nonce: str) -> str:
    return tokens.derive(ring.key(_LINKS), purpose.value, nonce)


def _code(ring: Keyring, nonce: str) -> str:
    return tokens.derive_code(ring.key(_CODES), nonce)


def _mac(ring: Keyring, public_id: str) -> str:
    return tokens.derive(ring.key(_UNSUBSCRIBE), public_id)[:_PUBLIC_ID_LENGTH]
