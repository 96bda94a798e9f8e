"""Letters: queueing ten thousand at once, and carrying many over one connection."""

from __future__ import annotations

import smtplib
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from flask import Flask
from sqlalchemy import delete, insert, select, update

from bench.harness import Parts, Row, at_least, at_most, best_seconds
from bench.mail_sink import PASSWORD, USER, Sink, running_sink
from sneaky.access import magic_links
from sneaky.app import create_app
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.schema import upgrade
from sneaky.core.settings import load
from sneaky.core.tokens import new_public_id
from sneaky.letters import catalogue
from sneaky.models import (
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    Organizer,
    Participant,
    ParticipantState,
)
from sneaky.outbox import queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.message import compose

MANY = 10_000
SAMPLE = 1_000
SENT = 100


@contextmanager
def _many_people() -> Iterator[tuple[int, Sink]]:
    """An exchange of so many, in its app, and the server that gets their letters."""
    with tempfile.TemporaryDirectory(prefix="sneaky-bench-") as name, running_sink(Path(name)) as sink:
        app = _app(Path(name), sink)
        with app.app_context():
            yield _an_exchange_of(MANY), sink
            db.session.remove()
            db.engine.dispose()


def _queueing() -> Iterator[Row]:
    """One statement for everybody, against a transaction for each."""
    with _many_people() as (exchange_id, _sink):
        all_at_once, sample = _queueing_takes(exchange_id)
    yield at_least(
        100,
        sample * MANY / SAMPLE / all_at_once,
        metric="queue reminder letters for 10k",
        against="row by row",
        note=f"{all_at_once:.2f} s; row by row scaled up from {SAMPLE} rows",
    )


def _queueing_takes(exchange_id: int) -> list[float]:
    """Seconds to queue letters for everybody at once, and for a sample one by one."""
    people = list(db.session.execute(select(Participant.id, Participant.email)).all())
    rounds = count()

    def at_once() -> None:
        with transaction():
            prefix = f"once:{next(rounds)}"
            queue.put_for_participants(LetterKind.REMINDER, exchange_id, dedupe_prefix=prefix)

    def one_by_one() -> None:
        prefix = f"each:{next(rounds)}"
        for participant_id, email in people[:SAMPLE]:
            with transaction():
                queue.put(
                    LetterKind.REMINDER,
                    email,
                    exchange_id=exchange_id,
                    participant_id=participant_id,
                    dedupe_key=f"{prefix}:{participant_id}",
                )

    return best_seconds(at_once, one_by_one, rounds=3)


def _sending() -> Iterator[Row]:
    """Delivery, against the same letters written alike and sent over a connection each."""
    with _many_people() as (exchange_id, sink):
        one, each = _sending_takes(exchange_id, sink)
    yield at_least(
        2.5,
        each / one,
        metric="letters per second, commit each",
        against="new connection per letter",
        note=f"{SENT / one:.0f} against {SENT / each:.0f} letters/s, with STARTTLS and sign-in",
    )


def _sending_takes(exchange_id: int, sink: Sink) -> list[float]:
    """Seconds to send the letters over one connection, and over a connection each."""

    def over_one_connection() -> None:
        _only_these_letters(exchange_id)
        assert deliver(catalogue.render).sent == SENT

    def over_a_connection_each() -> None:
        _only_these_letters(exchange_id)
        for letter_id, to_email in db.session.execute(select(Letter.id, Letter.to_email)).all():
            _send_alone(letter_id, to_email, sink)

    return best_seconds(over_one_connection, over_a_connection_each, rounds=3)


def _send_alone(letter_id: int, to_email: str, sink: Sink) -> None:
    """One letter as smtplib's documentation sends one: trust store, connection, encryption, sign-in."""
    context = ssl.create_default_context()
    context.load_verify_locations(sink.ca_file)
    message = compose(catalogue.render(letter_id), to_email=to_email, key=str(letter_id))
    with smtplib.SMTP(sink.host, sink.port, "bench.local", timeout=15) as line:
        line.starttls(context=context)
        line.login(USER, PASSWORD)
        line.send_message(message)
    with transaction() as session:
        session.execute(update(Letter).where(Letter.id == letter_id).values(state=LetterState.SENT))


def _jumping_the_queue() -> Iterator[Row]:
    """From asking for a magic link, while ten thousand letters go out, to the server's yes."""
    with _many_people() as (exchange_id, _sink):
        waited, between = _link_amid_letters(exchange_id)
    yield at_most(
        10,
        waited,
        metric="magic link asked amid 10k letters",
        against="absolute",
        unit=" s",
        note=f"{between} letters later; {MANY - SENT} waited before it",
    )


def _link_amid_letters(exchange_id: int) -> tuple[float, int]:
    """Seconds from asking for the link until it is sent, and the letters that went out meanwhile."""
    with transaction() as session:
        session.execute(delete(Letter))
        queue.put_for_participants(
            LetterKind.REMINDER, exchange_id, dedupe_prefix="batch", facts={"days_before": 3}
        )
    asked_at = 0.0
    sent = 0

    def should_stop() -> bool:
        """Looked at before each letter: asks in the midst of the batch, and ends once the link is out."""
        nonlocal asked_at, sent
        sent += 1
        if sent == SENT:
            magic_links.ask("ann1@example.org", exchange_id=exchange_id, ip="192.0.2.1", browser="bench")
            asked_at = time.perf_counter()
        return sent > SENT and _is_sent(LetterKind.MAGIC_LINK)

    deliver(catalogue.render, limit=MANY, should_stop=should_stop)
    assert _is_sent(LetterKind.MAGIC_LINK)
    return time.perf_counter() - asked_at, sent - SENT


def _is_sent(kind: LetterKind) -> bool:
    state = db.session.scalar(select(Letter.state).where(Letter.kind == kind))
    db.session.rollback()
    return state is LetterState.SENT


def _only_these_letters(exchange_id: int) -> None:
    with transaction() as session:
        session.execute(delete(Letter))
        last = session.scalars(select(Participant.id).order_by(Participant.id).offset(SENT)).first()
        queue.put_for_participants(
            LetterKind.REMINDER,
            exchange_id,
            only=[Participant.id < last],
            dedupe_prefix="sent",
            facts={"days_before": 3},
        )


def _app(folder: Path, sink: Sink) -> Flask:
    settings, _warnings = load(
        {
            "SNEAKY_DATA_DIR": str(folder),
            "SNEAKY_MAIL_URL": sink.mail_url,
            "SNEAKY_MAIL_RATE": "100000",
            "SNEAKY_SCHEDULER": "off",
            "SNEAKY_LOG_LEVEL": "ERROR",
        }
    )
    upgrade(settings.database_url, folder)
    return create_app(settings)


def _an_exchange_of(people: int) -> int:
    """A drawn exchange with so many participants."""
    with transaction() as session:
        organizer = Organizer(name="Olga", email="olga@example.org", password_hash="!", created_at=now())  # noqa: S106
        session.add(organizer)
        session.flush()
        exchange = Exchange(
            organizer_id=organizer.id,
            name="Town party",
            event_local=datetime(now().year + 1, 12, 24, 18),  # noqa: DTZ001
            zone="UTC",
            event_at=datetime(now().year + 1, 12, 24, 18, tzinfo=UTC),
            state=ExchangeState.MATCHED,
            created_at=now(),
        )
        session.add(exchange)
        session.flush()
        rows = [
            {
                "public_id": new_public_id(),
                "exchange_id": exchange.id,
                "name": f"Ann {number}",
                "email": f"ann{number}@example.org",
                "state": ParticipantState.ACTIVE,
                "created_at": now(),
            }
            for number in range(people)
        ]
        session.execute(insert(Participant), rows)
        return exchange.id


PARTS: Parts = {"queue": _queueing, "send": _sending, "link": _jumping_the_queue}
