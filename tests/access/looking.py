"""What tests of access look up: letters, their links, sessions, the audit trail."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.models import AuditEntry, Letter, LetterKind, MagicToken, Participant, ParticipantState
from sneaky.outbox import links


def letters(kind: LetterKind | None = None) -> list[Letter]:
    """Every queued letter, or those of one kind, in the order they were written."""
    db.session.expire_all()
    condition = Letter.kind == kind if kind else Letter.id.is_not(None)
    return list(db.session.scalars(select(Letter).where(condition).order_by(Letter.id)))


def only_letter(kind: LetterKind) -> Letter:
    """The one letter there is, which is of this kind."""
    (letter,) = letters()
    assert letter.kind is kind
    return letter


def token_in(letter: Letter) -> str:
    """The token of the letter's link, as its reader gets it."""
    assert letter.token_id is not None
    token = links.token_of(letter.token_id)
    assert token is not None
    return token


def code_in(letter: Letter) -> str:
    """The code in the letter, as its reader gets it."""
    assert letter.token_id is not None
    code = links.code_of(letter.token_id)
    assert code is not None
    return code


def stored_tokens() -> list[MagicToken]:
    """Every stored link."""
    db.session.expire_all()
    return list(db.session.scalars(select(MagicToken).order_by(MagicToken.id)))


def audit_trail() -> list[tuple[str, int | None]]:
    """Every audited action with its organizer."""
    entries = db.session.execute(select(AuditEntry.action, AuditEntry.organizer_id).order_by(AuditEntry.id))
    return [(action, organizer_id) for action, organizer_id in entries]


def state_of(participant_id: int) -> ParticipantState:
    """Whether this participant takes part."""
    return db.session.scalars(select(Participant.state).where(Participant.id == participant_id)).one()
