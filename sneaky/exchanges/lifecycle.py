"""The life of an exchange: one function for each transition, each refusing with what to do instead."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update

from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.errors import RuleBroken, words
from sneaky.core.tokens import new_public_id
from sneaky.exchanges import join_links, name_lists, seats
from sneaky.exchanges.completion import complete_due, complete_never_drawn
from sneaky.exchanges.copying import copy
from sneaky.exchanges.fields import (
    ExchangeFields,
    checked,
    checked_days,
    refuse_past_date,
    refuse_past_deadline,
)
from sneaky.exchanges.laws import derive_instants
from sneaky.exchanges.rows import held_exchange, refuse_once_drawn, refuse_once_held, refuse_once_over
from sneaky.models import (
    AvoidLastYear,
    CompletedReason,
    Draw,
    Exchange,
    ExchangeState,
    LetterKind,
    PairMemory,
    Participant,
    ParticipantState,
)
from sneaky.outbox import queue
from sneaky.reminders import planning

__all__ = [
    "ExchangeFields",
    "cancel",
    "change",
    "close_registration",
    "complete_due",
    "complete_never_drawn",
    "copy",
    "create",
    "mark_matched",
    "open_registration",
    "reopen_registration",
    "set_draw_options",
    "set_reminders",
    "unmark_matched",
]

TO_DRAW_AGAIN = words("To draw again, undo this draw, or make an explicit new one.")
_UNDO_FIRST = words("Undo the draw first, as long as nobody has opened a match.")


def create(organizer_id: int, form: ExchangeFields, *, people: str = "") -> int:
    """Make an exchange with open registration and a join link; returns its id.

    `people` are lines of those who take part already, as `name_lists` reads them. Raises `RuleBroken`, for
    these on the field `people`.
    """
    fields = checked(form)
    refuse_past_date(fields)
    refuse_past_deadline(fields)
    with transaction() as session:
        exchange = Exchange(
            public_id=new_public_id(),
            organizer_id=organizer_id,
            state=ExchangeState.REGISTRATION_OPEN,
            created_at=now(),
        )
        _write(exchange, fields)
        join_links.renew(exchange)
        session.add(exchange)
        session.flush()
        seats.seat_organizer(session, exchange, takes_part=fields.takes_part)
        name_lists.add_lines(exchange.id, people, field="people")
        audit.note("exchange.created", organizer_id=organizer_id, exchange_id=exchange.id)
        return exchange.id


def change(exchange_id: int, form: ExchangeFields) -> bool:
    """Write changed fields. After the draw reminders are planned anew and everybody is told what changed.

    Returns whether they are told. A new date has to lie ahead. Raises `RuleBroken`, also once the exchange is
    over.
    """
    fields = checked(form)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_over(exchange)
        _refuse_moves_to_the_past(exchange, fields)
        changes = _changes(exchange, fields)
        is_put_off = fields.event_local.date() > exchange.event_local.date()
        seats.seat_organizer(session, exchange, takes_part=fields.takes_part)
        _write(exchange, fields)
        session.flush()
        planning.replan(exchange_id)
        if is_put_off:  # reminders of the new date will come
            queue.call_back(exchange_id, LetterKind.REMINDER)
        is_told = bool(changes) and exchange.state is ExchangeState.MATCHED
        if is_told:
            queue.put_for_participants(
                LetterKind.EXCHANGE_CHANGED,
                exchange_id,
                dedupe_prefix=f"changed:{new_public_id()}",
                facts={"changes": changes},
            )
        return is_told


def open_registration(exchange_id: int) -> None:
    """draft → registration_open: the join link works from now on, so a deadline that has passed goes."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, _UNDO_FIRST)
        if exchange.state is ExchangeState.REGISTRATION_CLOSED:
            raise RuleBroken("Registration was open before. Reopen it instead.")
        if exchange.state is ExchangeState.REGISTRATION_OPEN:
            raise RuleBroken("Registration is open already. Share the join link.")
        if exchange.event_at <= now():
            raise RuleBroken("The date has passed. Choose a new one first.", field="event_local")
        _take_passed_deadline_away(exchange)
        exchange.state = ExchangeState.REGISTRATION_OPEN
        join_links.renew(exchange)


def close_registration(exchange_id: int) -> None:
    """registration_open → registration_closed: nobody joins by the link any more."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, "Registration ended with the draw.")
        if exchange.state is ExchangeState.DRAFT:
            raise RuleBroken("Registration has not been open yet. Open it first.")
        if exchange.state is ExchangeState.REGISTRATION_CLOSED:
            raise RuleBroken("Registration is closed already. Draw the names, or reopen it.")
        exchange.state = ExchangeState.REGISTRATION_CLOSED


def reopen_registration(exchange_id: int) -> None:
    """registration_closed → registration_open, until the draw; a deadline that has passed is taken away.

    Joining that is open by its state alone is opened truly: where its deadline is over, or its link is gone.
    """
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, _UNDO_FIRST)
        if exchange.state is ExchangeState.DRAFT:
            raise RuleBroken("Registration has not been open yet. Open it first.")
        was_late, has_link = _take_passed_deadline_away(exchange), join_links.current(exchange_id) is not None
        if exchange.state is ExchangeState.REGISTRATION_OPEN and not was_late and has_link:
            raise RuleBroken("Registration is open already. Share the join link.")
        exchange.state = ExchangeState.REGISTRATION_OPEN
        if not has_link:
            join_links.renew(exchange)


def mark_matched(exchange_id: int) -> None:
    """registration → matched; part of a draw. Raises `RuleBroken` where there is nothing to draw from."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, TO_DRAW_AGAIN)
        if exchange.state is ExchangeState.DRAFT:
            raise RuleBroken("This exchange is still a draft. Open registration first, then draw.")
        refuse_once_held(exchange)
        exchange.state = ExchangeState.MATCHED


def unmark_matched(exchange_id: int) -> None:
    """matched → registration_closed; part of undoing a draw. Reminders are cancelled.

    Who confirmed while the names were drawn is no longer too late, and takes part in the next draw.
    """
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_over(exchange)
        if exchange.state is not ExchangeState.MATCHED:
            raise RuleBroken("There is no draw to undo. Draw the names first.")
        exchange.state = ExchangeState.REGISTRATION_CLOSED
        is_late = (Participant.state == ParticipantState.PENDING) & Participant.confirmed_at.is_not(None)
        session.execute(
            update(Participant)
            .where(Participant.exchange_id == exchange_id, is_late)
            .values(state=ParticipantState.ACTIVE)
        )
        planning.cancel(exchange_id, words("the draw was undone"))


def cancel(exchange_id: int) -> None:
    """Call the exchange off: completed with that reason, reminders cancelled, everybody told."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        if exchange.state is ExchangeState.COMPLETED:
            raise RuleBroken("This exchange is over already; there is nothing left to cancel.")
        was_draft = exchange.state is ExchangeState.DRAFT
        exchange.state, exchange.completed_reason = ExchangeState.COMPLETED, CompletedReason.CANCELLED
        exchange.completed_at = now()
        session.flush()
        planning.cancel(exchange_id, words("the exchange was cancelled"))
        about_the_draw = (LetterKind.MATCH, LetterKind.RECIPIENT_CHANGED, LetterKind.SECOND_GIFT)
        queue.call_back(exchange_id, *about_the_draw, LetterKind.REMINDER)
        if not was_draft:
            queue.put_for_participants(
                LetterKind.EXCHANGE_CANCELLED, exchange_id, dedupe_prefix=f"cancelled:{exchange_id}"
            )
        # Nobody gave to anybody, so no later draw has to avoid it.
        drawn_at = select(Draw.drawn_at).where(Draw.exchange_id == exchange_id)
        whose = PairMemory.organizer_id == exchange.organizer_id
        session.execute(delete(PairMemory).where(whose, PairMemory.drawn_at.in_(drawn_at)))
        audit.note("exchange.cancelled", organizer_id=exchange.organizer_id, exchange_id=exchange_id)


def set_reminders(exchange_id: int, days: Sequence[int], is_on: bool) -> None:
    """Choose on how many days before the date reminders go out, and whether at all."""
    chosen = checked_days(days)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_over(exchange)
        exchange.reminder_days, exchange.has_reminders = chosen, is_on
        session.flush()
        planning.replan(exchange_id)


def set_draw_options(
    exchange_id: int, *, no_reciprocal: bool, single_loop: bool, avoid_last_year: AvoidLastYear
) -> None:
    """Choose the options of the coming draw. Raises `RuleBroken` once the names are drawn."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, _UNDO_FIRST)
        exchange.no_reciprocal, exchange.single_loop = no_reciprocal, single_loop
        exchange.avoid_last_year = avoid_last_year


def _take_passed_deadline_away(exchange: Exchange) -> bool:
    """Let joining end when the organizer says, if its deadline has passed; whether it had."""
    is_late = exchange.registration_ends_at is not None and exchange.registration_ends_at <= now()
    if is_late:
        exchange.registration_ends_local = exchange.registration_ends_at = None
    return is_late


def _write(exchange: Exchange, fields: ExchangeFields) -> None:
    exchange.name, exchange.place, exchange.message = fields.name, fields.place, fields.message
    exchange.budget, exchange.currency = fields.budget, fields.currency
    exchange.event_local, exchange.zone = fields.event_local, fields.zone
    exchange.registration_ends_local = fields.registration_ends_local
    derive_instants(exchange)
    exchange.reminder_days = list(fields.reminder_days)


def _refuse_moves_to_the_past(exchange: Exchange, fields: ExchangeFields) -> None:
    zone_moved = exchange.zone != fields.zone
    if zone_moved or exchange.event_local != fields.event_local:
        refuse_past_date(fields)
    if exchange.registration_ends_local != fields.registration_ends_local:
        refuse_past_deadline(fields)


def _changes(exchange: Exchange, fields: ExchangeFields) -> list[str]:
    """What participants have to be told about, by the names that letters know."""
    pairs = {
        "name": (exchange.name, fields.name),
        "date": ((exchange.event_local, exchange.zone), (fields.event_local, fields.zone)),
        "place": (exchange.place, fields.place),
        "budget": ((exchange.budget, exchange.currency), (fields.budget, fields.currency)),
        "message": (exchange.message, fields.message),
    }
    return [name for name, (before, after) in pairs.items() if before != after]
