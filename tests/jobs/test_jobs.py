"""What each job does, on real rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from sneaky import jobs, shell
from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import Settings
from sneaky.executions import alerts, requests
from sneaky.models import (
    Exchange,
    ExchangeState,
    ExecutionState,
    Letter,
    LetterKind,
    LetterState,
    MagicToken,
    PairMemory,
    Participant,
    RateLimit,
    Reminder,
    ReminderState,
    SessionRow,
    TokenPurpose,
    TroubleKind,
)
from sneaky.outbox import leases, queue
from sneaky.outbox.leases import Lease, Settlement, Wait
from sneaky.reminders import planning, sending
from tests import factories
from tests.jobs.conftest import runs

START = datetime(2026, 12, 1, 12, tzinfo=UTC)


def a_matched_exchange(event_at: datetime, days: tuple[int, ...] = ()) -> int:
    exchange_id = factories.an_exchange(
        event_local=event_at.replace(tzinfo=None),
        zone="UTC",
        state=ExchangeState.MATCHED,
        reminder_days=list(days),
    )
    factories.participants(exchange_id, 3)
    planning.plan(exchange_id)
    return exchange_id


def states() -> dict[int, ExchangeState]:
    db.session.remove()
    return {row.id: row.state for row in db.session.scalars(select(Exchange))}


def count(table: type) -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_an_exchange_lives_from_match_to_erasure_by_its_jobs(any_app: Flask) -> None:
    with time_machine.travel(START) as clock:
        over, ahead = (
            a_matched_exchange(START + timedelta(hours=2)),
            a_matched_exchange(START + timedelta(days=90)),
        )
        assert jobs.auto_complete_exchanges().counts == {}
        clock.shift(timedelta(days=1))
        assert jobs.auto_complete_exchanges().counts == {"completed": 1}
        assert states() == {over: ExchangeState.COMPLETED, ahead: ExchangeState.MATCHED}
        clock.shift(timedelta(days=22, hours=23))
        assert jobs.purge_old_exchanges().counts == {}
        clock.shift(timedelta(hours=1))
        assert jobs.purge_old_exchanges().counts == {"warned": 1}
        assert jobs.purge_old_exchanges().counts == {}
        clock.shift(timedelta(days=7))
        assert jobs.purge_old_exchanges().counts == {"erased": 1}
        assert states() == {ahead: ExchangeState.MATCHED}
        assert count(Participant) == 3


def test_an_outage_puts_the_erasure_off_and_never_skips_the_warning(app: Flask) -> None:
    with time_machine.travel(START) as clock:
        a_matched_exchange(START + timedelta(hours=2))
        clock.shift(timedelta(days=1))
        jobs.auto_complete_exchanges()
        clock.shift(timedelta(days=60))
        assert jobs.purge_old_exchanges().counts == {"warned": 1}
        clock.shift(timedelta(days=6, hours=23))
        assert jobs.purge_old_exchanges().counts == {}
        clock.shift(timedelta(hours=1))
        assert jobs.purge_old_exchanges().counts == {"erased": 1}


def test_an_exchange_that_was_never_drawn_is_completed_in_the_end(app: Flask) -> None:
    with time_machine.travel(START) as clock:
        factories.an_exchange(event_local=START.replace(tzinfo=None), zone="UTC")
        clock.shift(timedelta(days=31))
        assert jobs.auto_complete_exchanges().counts == {"never drawn": 1}


def test_what_has_expired_is_deleted_and_the_rest_stays(app: Flask) -> None:
    with transaction() as session:
        for number, ends in enumerate((now() - timedelta(hours=1), now() + timedelta(hours=1))):
            text = str(number) * 64
            session.add(
                MagicToken(
                    purpose=TokenPurpose.SIGN_IN,
                    token_hash=text,
                    nonce=text[:22],
                    created_at=now(),
                    expires_at=ends,
                )
            )
            session.add(SessionRow(id=text, created_at=now(), seen_at=now(), expires_at=ends, ends_at=ends))
            session.add(RateLimit(key=text, hits=1, expires_at=ends))
    assert jobs.cleanup_expired_tokens().counts == {"links": 1}
    assert jobs.cleanup_expired_sessions().counts == {"sessions": 1}
    assert jobs.cleanup_expired_rate_limits().counts == {"rate limits": 1}
    assert (count(MagicToken), count(SessionRow), count(RateLimit)) == (1, 1, 1)


def test_old_runs_letters_and_audit_lines_are_forgotten(app: Flask) -> None:
    with time_machine.travel(START) as clock:
        jobs.cleanup_expired_tokens()
        audit.note("draw.conducted", participants=3)
        organizer_id = factories.an_organizer()
        with transaction():
            queue.put(LetterKind.TEST, to_email="olga@example.org")
            db.session.add(PairMemory(organizer_id=organizer_id, pair_tag=b"x", drawn_at=now()))
        jobs.deliver_letters()
        clock.shift(timedelta(days=31))
        assert jobs.prune_job_history().counts == {"letters": 1}
        clock.shift(timedelta(days=60))
        assert jobs.prune_job_history().counts == {"runs": 2}
        assert [row.job_id for row in runs()] == ["prune_job_history"] * 2
        clock.shift(timedelta(days=273))
        assert jobs.prune_job_history().counts == {"runs": 2}
        clock.shift(timedelta(days=2))
        assert jobs.prune_job_history().counts == {"audit lines": 1}
        clock.shift(timedelta(days=181))
        assert "pairs" not in jobs.prune_job_history().counts
        clock.shift(timedelta(days=2))
        assert jobs.prune_job_history().counts == {"pairs": 1}


def test_old_requests_and_troubles_go_with_the_runs(any_app: Flask) -> None:
    with time_machine.travel(START) as clock:
        organizer_id = factories.an_organizer(is_admin=True)
        refused, waiting = (requests.ask(job, organizer_id=organizer_id) for job in ("probe", "another"))
        requests.refuse(refused, "no")
        alerts.raise_trouble(TroubleKind.SLOW, "probe")
        alerts.raise_trouble(TroubleKind.SLOW, "another")
        alerts.close("probe")
        clock.shift(timedelta(days=89))
        assert jobs.prune_job_history().counts == {}
        clock.shift(timedelta(days=2))
        assert jobs.prune_job_history().counts == {"requests": 1, "troubles": 1}
        assert [request.public_id for request in requests.latest()] == [waiting]
        assert [trouble.subject for trouble in alerts.open_troubles()] == ["another"]


def test_an_alert_is_written_though_one_of_a_forgotten_trouble_still_waits(app: Flask) -> None:
    with time_machine.travel(START) as clock:
        factories.an_organizer(is_admin=True)
        for _ in range(2):
            alerts.raise_trouble(TroubleKind.SLOW, "probe")
            alerts.close("probe")
            clock.shift(timedelta(days=91))
            jobs.prune_job_history()
        assert count(Letter) == 2


def test_waiting_letters_are_delivered_and_counted(app: Flask, settings: Settings) -> None:
    with transaction():
        for number in range(3):
            queue.put(LetterKind.TEST, to_email=f"ann{number}@example.org")
    result = jobs.deliver_letters()
    assert result.counts == {"sent": 3}
    assert {letter.state for letter in db.session.scalars(select(Letter))} == {LetterState.SENT}
    folder = Path(settings.mail_url.removeprefix("file:"))
    assert len(list(folder.rglob("*.eml"))) == 3


def test_a_letter_that_was_taken_is_remembered_though_the_database_is_away_for_a_moment(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        for number in range(3):
            queue.put(LetterKind.TEST, to_email=f"ann{number}@example.org")
    turn, outages = leases.turn, [OperationalError("UPDATE", {}, Exception("database is locked"))] * 2

    def turn_or_fail(settlement: Settlement | None, *, wants_next: bool) -> Lease | Wait | None:
        if settlement is not None and outages:
            raise outages.pop()
        return turn(settlement, wants_next=wants_next)

    monkeypatch.setattr(leases, "turn", turn_or_fail)
    assert jobs.deliver_letters().counts == {"sent": 3}
    assert {letter.state for letter in db.session.scalars(select(Letter))} == {LetterState.SENT}


def test_a_reminder_sent_twice_by_hand_is_sent_once(any_app: Flask) -> None:
    exchange_id = a_matched_exchange(now().replace(microsecond=0) + timedelta(days=9), (7, 3))
    first = jobs.send_reminder_for_exchange(exchange_id, 3)
    assert (first.success, first.counts) == (True, {"reminders": 1, "letters": 3})
    again = jobs.send_reminder_for_exchange(exchange_id, 3)
    assert (again.state, again.counts) == (ExecutionState.SKIPPED, {})
    assert count(Letter) == 3


def test_a_reminder_that_may_not_be_sent_is_skipped_with_its_reason(app: Flask) -> None:
    exchange_id = a_matched_exchange(now().replace(microsecond=0) + timedelta(days=9), (3,))
    with transaction() as session:
        session.get_one(Exchange, exchange_id).state = ExchangeState.REGISTRATION_CLOSED
    result = jobs.send_reminder_for_exchange(exchange_id, 3)
    assert (result.state, result.reason) == (ExecutionState.SKIPPED, sending.EXCHANGE_NOT_DRAWN)


def test_the_safety_net_sends_what_is_due_and_was_not_sent(any_app: Flask) -> None:
    with time_machine.travel(START) as clock:
        for _ in range(2):
            a_matched_exchange(START + timedelta(days=3), (1,))
        assert jobs.send_due_reminders().counts == {}
        clock.shift(timedelta(days=2))
        assert jobs.send_due_reminders().counts == {}  # their date jobs have a head start
        clock.shift(timedelta(seconds=30))
        assert jobs.send_due_reminders().counts == {"reminders": 2, "letters": 6}
        assert jobs.send_due_reminders().counts == {}


def test_one_reminder_that_fails_stops_no_other_and_is_told(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(START) as clock:
        bad, good = (a_matched_exchange(START + timedelta(days=3), (1,)) for _ in range(2))
        send = sending.send

        def send_or_fail(reminder_id: int, **how: bool) -> object:
            if db.session.get_one(Reminder, reminder_id).exchange_id == bad:
                raise ValueError("no such zone")
            return send(reminder_id, **how)

        monkeypatch.setattr(sending, "send", send_or_fail)
        clock.shift(timedelta(days=2, minutes=1))
        result = jobs.send_due_reminders()
    assert not result.success
    assert result.counts == {"reminders": 1, "letters": 3, "failed": 1}
    assert "ValueError: no such zone" in runs()[0].log
    rows = {row.exchange_id: row.state for row in db.session.scalars(select(Reminder))}
    assert rows == {bad: ReminderState.PLANNED, good: ReminderState.SENT}


def test_the_shell_offers_every_job_by_name(app: Flask) -> None:
    offered = app.make_shell_context()
    assert set(jobs.__all__) <= set(offered)
    assert offered["auto_complete_exchanges"]().success
    assert shell.offered()["settings"].scheduler == "off"
