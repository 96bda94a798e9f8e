"""`sneaky demo`: fills an empty instance, so that every page has something to show."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal

import click
from flask import Flask
from sqlalchemy import func, select, update

from sneaky.access import organizers
from sneaky.cli import with_app
from sneaky.cli.database import bring_to_head
from sneaky.conversations import threads
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import conduct, reveal
from sneaky.exchanges import completion, exclusions, households, lifecycle, participants
from sneaky.exchanges.fields import ExchangeFields
from sneaky.letters import catalogue
from sneaky.models import (
    Draw,
    Exchange,
    ExecutionState,
    JobExecution,
    MessageAuthor,
    Organizer,
    Reminder,
    ReminderState,
    Trigger,
)
from sneaky.outbox import delivery
from sneaky.wishlists import lists

EMAIL, PASSWORD = "olga@example.org", "mulled wine and nutmeg"

_FAMILY = {
    "Miller": ["Ann", "Bob", "Carla"],
    "Okafor": ["Dayo", "Ese", "Femi"],
    "Lindqvist": ["Greta", "Hugo", "Ida"],
    "": ["Grandma Rose"],
}
_OFFICE = ["Jun", "Kofi", "Lena", "Mateo", "Nadia", "Omar", "Priya", "Quentin", "Rosa", "Sami", "Tove", "Uma"]
_CHOIR = ["Viktor", "Wanda", "Ximena", "Yusuf", "Zoë", "Amal", "Bruno", "Chiara"]
_WISHES = [
    ("A good loaf of bread", "", "From the bakery by the bridge."),
    ("Wool socks, size 40", "", "Red ones!"),
    ("A paperback I would never choose myself", "", ""),
    ("Seeds for the balcony", "https://example.org/seeds", "Anything that bees like."),
    ("An hour of your time", "", "Teach me to juggle."),
]
# The dice of the demo: the same instance every time. A draw never uses them.
_DICE = random.Random(24)  # noqa: S311


@click.command()
@with_app
def demo(_app: Flask) -> None:
    """Fill an empty instance: three exchanges in different states, thirty people, past runs."""
    bring_to_head()
    if db.session.execute(select(func.count()).select_from(Organizer)).scalar_one():
        click.echo("This instance has organizers already, so nothing was added.")
        return
    olga = organizers.create("Olga", EMAIL, PASSWORD, is_admin=True)
    _drawn_family(olga)
    _office_that_registers(olga)
    _choir_that_is_over(olga)
    _past_runs()
    click.echo(f"Sign in as {EMAIL} with the password “{PASSWORD}”.")


def _exchange(organizer_id: int, name: str, event: datetime, **values: object) -> int:
    fields = {
        "name": name,
        "event_local": event,
        "zone": "Europe/Berlin",
        "place": "At home",
        "message": "Something small, something kind. Home-made counts double.",
        "budget": Decimal(25),
        "currency": "EUR",
        "registration_ends_local": None,
        "reminder_days": [7, 3, 1],
        "takes_part": False,
    }
    return lifecycle.create(organizer_id, ExchangeFields(**fields | values))  # type: ignore[arg-type]


def _evening(days: int) -> datetime:
    """Six in the evening, so many days from today, as wall time."""
    day = now() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, 18)  # noqa: DTZ001


def _add(exchange_id: int, name: str) -> int:
    address = f"{name.split()[0].lower().replace('ë', 'e')}@example.org"
    return participants.add(exchange_id, name, address)


def _drawn_family(organizer_id: int) -> None:
    """Ten people in three households, drawn; some have looked, some talk."""
    exchange_id = _exchange(organizer_id, "Family Christmas", _evening(32))
    people = []
    for household, names in _FAMILY.items():
        for name in names:
            person = _add(exchange_id, name)
            people.append(person)
            if household:
                households.assign(person, household)
    for person in people[:8]:
        for title, url, note in _DICE.sample(_WISHES, _DICE.randint(1, 4)):
            lists.add(person, title, url, note)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    delivery.deliver(catalogue.render)
    for person in people[:6]:
        reveal.reveal(person)
    threads.write(people[0], MessageAuthor.GIVER, "Do you like marzipan? Asking for a friend.")
    threads.write(people[1], MessageAuthor.RECIPIENT, "Whoever you are: no candles, please. The cat!")


def _office_that_registers(organizer_id: int) -> None:
    """Twelve people, registration open, rules half done."""
    exchange_id = _exchange(
        organizer_id,
        "Office Wichteln",
        _evening(25),
        place="Kitchen, 4th floor",
        registration_ends_local=_evening(10),
    )
    people = [_add(exchange_id, name) for name in _OFFICE]
    exclusions.exclude(exchange_id, people[0], people[1], is_mutual=True)
    exclusions.exclude(exchange_id, people[2], people[3], is_mutual=False)


def _choir_that_is_over(organizer_id: int) -> None:
    """Eight people who had their evening: planned, drawn and completed, then moved to the past."""
    exchange_id = _exchange(organizer_id, "Choir of St. Mary", _evening(1))
    for name in _CHOIR:
        _add(exchange_id, name)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    delivery.deliver(catalogue.render)
    completion.complete_due(now() + timedelta(days=2), 100)
    ago = timedelta(days=4)
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        exchange.event_local, exchange.event_at = exchange.event_local - ago, exchange.event_at - ago
        exchange.completed_at = now() - timedelta(days=2)
        exchange.created_at -= 5 * ago
        session.execute(update(Draw).where(Draw.exchange_id == exchange_id).values(drawn_at=now() - 4 * ago))
        for reminder in session.scalars(select(Reminder).where(Reminder.exchange_id == exchange_id)):
            reminder.due_at -= ago
            reminder.state, reminder.reason, reminder.queued_count = ReminderState.SENT, "", len(_CHOIR)
            reminder.done_at = reminder.due_at


def _past_runs() -> None:
    """Two weeks of runs, one of which went wrong."""
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction() as session:
        for days_ago in range(14, 0, -1):
            for job_id, hour, does in (
                ("auto_complete_exchanges", 0, "completed"),
                ("purge_old_exchanges", 2, "erased"),
                ("cleanup_expired_sessions", 3, "sessions"),
            ):
                slot = midnight - timedelta(days=days_ago) + timedelta(hours=hour)
                is_failed = (job_id, days_ago) == ("purge_old_exchanges", 5)
                session.add(_run(job_id, slot, does, is_failed=is_failed))


def _run(job_id: str, slot: datetime, does: str, *, is_failed: bool) -> JobExecution:
    duration = round(_DICE.uniform(0.01, 0.4), 3)
    return JobExecution(
        job_id=job_id,
        slot=slot,
        trigger=Trigger.CLOCK,
        state=ExecutionState.FAILED if is_failed else ExecutionState.SUCCEEDED,
        started_at=slot + timedelta(seconds=1),
        finished_at=slot + timedelta(seconds=1 + duration),
        duration=duration,
        counts={} if is_failed else {does: _DICE.randint(0, 4)},
        error="OperationalError: database is locked" if is_failed else "",
        instance="demo",
    )
