"""What the admin's pages read about the whole instance, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sneaky.access import audit, directory, trail
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.schema import head
from sneaky.jobs.agenda import coming_reminders
from sneaky.jobs.vitals import vitals
from sneaky.models import ExchangeState, Reminder, ReminderState
from sneaky.outbox import queue
from tests.clock_factories import a_ticking_clock
from tests.factories import an_exchange, an_organizer


@pytest.mark.usefixtures("any_app")
def test_vitals_name_the_database_the_mail_and_the_leader() -> None:
    a_ticking_clock()
    found = vitals()
    assert found.reasons == []
    assert found.leader.holder == "opaque-leader"
    assert found.database.kind.lower() == db.engine.dialect.name
    assert found.database.version[0].isdigit()
    assert found.database.revision == head()
    assert found.database.bytes_used > 100_000
    assert (found.mail.transport, found.mail.is_proven, found.mail.held_reason) == ("file", False, None)
    queue.hold("moving house")
    assert vitals().mail.held_reason == "moving house"


@pytest.mark.usefixtures("any_app")
def test_the_agenda_holds_planned_reminders_soonest_first() -> None:
    exchange = an_exchange(name="Family Christmas", state=ExchangeState.MATCHED)
    due = now() + timedelta(days=2)
    with transaction() as session:
        for days, state, armed in ((3, "planned", due), (7, "sent", None), (1, "planned", None)):
            at = due + timedelta(days=3 - days)
            session.add(
                Reminder(
                    exchange_id=exchange,
                    days_before=days,
                    due_at=at,
                    state=ReminderState(state),
                    armed_for=armed,
                )
            )
    agenda = coming_reminders(1)
    assert agenda.total == 2
    (first,) = agenda.reminders
    assert (first.job_id, first.exchange_name) == (f"reminder_exchange_{exchange}_days_3", "Family Christmas")
    assert first.is_armed
    assert [reminder.is_armed for reminder in coming_reminders(9).reminders] == [True, False]


@pytest.mark.usefixtures("any_app")
def test_the_directory_counts_exchanges_and_the_trail_its_actions() -> None:
    olga, bruno = an_organizer(name="Olga"), an_organizer(name="Bruno")
    an_exchange(bruno)
    page = directory.directory(5)
    assert [(row.name, row.exchanges) for row in page.organizers] == [("Olga", 0), ("Bruno", 1)]
    assert (page.number, page.pages, page.total) == (1, 1, 2)
    for action in ("organizer.signed_in", "draw.conducted", "organizer.signed_in"):
        audit.note(action, organizer_id=olga, number=3)
    found = trail.page(1, action="organizer.signed_in")
    assert (found.total, found.actions) == (2, ["draw.conducted", "organizer.signed_in"])
    assert found.entries[0].details == {"number": 3}
