"""Participants: added, joined, mended, withdrawn; their preferences and what only their giver may see."""

from __future__ import annotations

import pytz

from sneaky.access import addresses, audit, claims, sessions
from sneaky.core.clock import now
from sneaky.core.crypto import keyring
from sneaky.core.db import transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.core.typed import line, paragraphs
from sneaky.exchanges import complaints, households
from sneaky.exchanges.name_lists import Preview, PreviewRow, add_many, read_lines
from sneaky.exchanges.personal_data import address_context, erase, export, postal_address
from sneaky.exchanges.registration import ask_to_confirm, join
from sneaky.exchanges.rows import held_exchange, held_participant, refuse_once_drawn, refuse_once_over
from sneaky.exchanges.seats import by_email, known, seated, unseat
from sneaky.models import ExchangeState, LetterKind, MagicToken, Participant, ParticipantState, TokenPurpose
from sneaky.models.columns import NAME_LENGTH
from sneaky.outbox import queue

__all__ = [
    "Preview",
    "PreviewRow",
    "add",
    "add_many",
    "change_email",
    "erase",
    "export",
    "join",
    "mark_seen",
    "postal_address",
    "read_lines",
    "rename",
    "set_postal_address",
    "set_preferences",
    "withdraw",
]

ADDRESS_LENGTH = 500
_THERE = words("%(name)s takes part with this address already.")
_LOCALES = frozenset({"en", "de"})


def add(
    exchange_id: int, name: str, email: str, *, is_guarded: bool = False, household: str | None = None
) -> int:
    """The organizer adds somebody, who takes part at once; returns their id.

    With `is_guarded` the address is a guardian's and may serve several. Somebody who has not confirmed, or
    had withdrawn, is brought back. Raises `RuleBroken` (fields `name`, `email`, `household`), also after the
    draw.
    """
    name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
    email = addresses.normalise(email)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, "Use “Somebody leaves or joins”; it changes as few matches as possible.")
        here = known(session, exchange_id, name, email, is_guarded=is_guarded)
        if here is not None and here.state is ParticipantState.ACTIVE:
            if is_guarded:
                raise RuleBroken(_THERE, name=here.name, field="email")
            raise RuleBroken(
                "%(name)s takes part with this address already. If it is a guardian's address that "
                "receives for several people, say so below.",
                name=here.name,
                field="email",
            )
        participant = seated(
            session, exchange_id, name, email, ParticipantState.ACTIVE, is_guarded=is_guarded
        )
        if household is not None:
            participant.household_id = households.find_or_make(session, exchange_id, household)
        return participant.id


def rename(participant_id: int, name: str) -> None:
    """Call a participant by another name. Raises `RuleBroken` (field `name`) or once the exchange is over."""
    name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_over(exchange)
        participant.name = name


def change_email(participant_id: int, email: str) -> None:
    """Mend an address: old links and sessions end, and what did not arrive goes to the new address.

    A complaint stays with the address that it came from, perhaps a stranger's. Whoever still has to confirm
    gets a fresh letter, and after the draw so does whoever waits for a match.
    Raises `RuleBroken` (field `email`) where somebody else takes part with it.
    """
    email = addresses.normalise(email)
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_over(exchange)
        if email == participant.email:
            return
        if not participant.is_guarded and by_email(session, exchange.id, email) is not None:
            raise RuleBroken("Somebody else is in this exchange with that address.", field="email")
        complaints.readdress(session, participant, email)
        participant.email = email
        session.flush()
        claims.revoke(MagicToken.participant_id == participant_id)
        sessions.end_all(participant_id=participant_id)
        queue.call_back_pointless(participant_id)
        has_waiting = queue.readdress(participant_id, email) > 0
        waits_for_match = exchange.state is ExchangeState.MATCHED and not has_waiting
        if participant.state is ParticipantState.PENDING:
            ask_to_confirm(participant)
        elif participant.state is ParticipantState.ACTIVE and waits_for_match:
            queue.put(LetterKind.MATCH, email, exchange_id=exchange.id, participant_id=participant_id)
        audit.note("participant.readdressed", exchange_id=exchange.id, participant=participant_id)


def withdraw(participant_id: int) -> None:
    """Take a participant out before the draw, or turn down somebody who came too late for it.

    Raises `RuleBroken` after it for whoever is in it: then the draw is mended.
    """
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        if participant.state is not ParticipantState.PENDING:
            refuse_once_drawn(
                exchange, "Use “Somebody leaves or joins”; it changes as few matches as possible."
            )
        if participant.state is ParticipantState.WITHDRAWN:
            raise RuleBroken("%(name)s has withdrawn already.", name=participant.name)
        unseat(participant, now())
        claims.revoke(
            MagicToken.participant_id == participant_id,
            MagicToken.purpose == TokenPurpose.CONFIRM_REGISTRATION,
        )
        audit.note("participant.withdrawn", exchange_id=exchange.id, participant=participant_id)


def set_preferences(
    participant_id: int, *, wants_reminders: bool, wants_notices: bool, locale: str | None, zone: str | None
) -> None:
    """Choose which letters come, in which language, and in which zone times stand beside the exchange's.

    Whoever complained about a letter and wants reminders or notices again is forgiven, for every exchange.
    """
    if locale is not None and locale not in _LOCALES:
        raise RuleBroken("We do not speak this language yet.", field="locale")
    if zone is not None and zone not in pytz.all_timezones_set:
        raise RuleBroken("This time zone is unknown. Please choose one from the list.", field="zone")
    with transaction() as session:
        _exchange, participant = held_participant(session, participant_id)
        participant.wants_reminders, participant.wants_notices = wants_reminders, wants_notices
        participant.locale, participant.zone = locale, zone
        if participant.complained_at is not None and (wants_reminders or wants_notices):
            complaints.forgive(session, participant.email)


def set_postal_address(participant_id: int, address: str) -> None:
    """Keep, sealed, where the gift may be sent to; blank takes it out. Only the giver sees it."""
    address = paragraphs(address, field="postal_address", called=words("The address"), longest=ADDRESS_LENGTH)
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_over(exchange)
        sealed = keyring().seal(address, context=address_context(participant_id))
        participant.postal_address_sealed = sealed if address else None


def mark_seen(participant_id: int) -> None:
    """Remember the day on which a participant first came. Raises `NotFound`."""
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction() as session:
        participant = session.get(Participant, participant_id)
        if participant is None:
            raise NotFound
        participant.seen_at = participant.seen_at or today
