"""Hostile texts in every place where a person's words reach a letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from flask import Flask
from flask_babel import force_locale
from icalendar import Calendar

from sneaky.letters import catalogue, samples, writing
from sneaky.letters.content import Content, ExchangeFacts, Facts
from sneaky.letters.wording import one_line
from sneaky.models import LetterKind
from sneaky.outbox.message import Rendered, compose
from tests.factories import a_participant, an_organizer
from tests.hostile import HOSTILE
from tests.letters.mail import a_matched_exchange, queued
from tests.letters.pages import Page


class Seen(tuple[object, ...]):
    """What a letter is made of, apart from its words: tags with attributes, links, lines of plain text."""

    def __new__(cls, rendered: Rendered) -> Seen:
        page = Page(rendered.html)
        return super().__new__(cls, (page.tags, page.links, page.is_closed, rendered.text.count("\n")))


HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
}


def filled(kind: LetterKind, words: str) -> Content:
    """The sample letter, with `words` wherever a person's words stand."""
    sample = samples.content(kind)
    words = one_line(words)
    facts = Facts(sample.facts | ({"error": words} if "error" in sample.facts else {}))
    exchange = ExchangeFacts(
        name=words,
        event_at=datetime(2026, 12, 24, 17, tzinfo=UTC),
        zone="Europe/Berlin",
        reader_zone=None,
        place=words,
        budget=Decimal(25),
        currency="EUR",
        is_drawn=True,
    )
    inviter = words if sample.inviter else ""
    return replace(sample, name=words, inviter=inviter, exchange=exchange, facts=facts)


def sent(content: Content) -> tuple[Rendered, EmailMessage]:
    """The letter as it is written, and as its reader's program reads it."""
    with force_locale("en"):
        subject, text, html = writing.write(content)
    rendered = Rendered(subject, text, html, headers=catalogue._headers(content))
    message = compose(rendered, to_email="ann@example.org", key="abc")
    return rendered, message_from_bytes(message.as_bytes(), policy=default)


@pytest.mark.parametrize("kind", list(LetterKind), ids=lambda kind: kind.value)
def test_hostile_words_stay_words(app: Flask, kind: LetterKind) -> None:
    harmless = {word: Seen(sent(filled(kind, word))[0]) for word in ("Ann", "")}
    for words in HOSTILE:
        rendered, message = sent(filled(kind, words))
        expected = harmless["Ann" if one_line(words) else ""]
        assert set(message.keys()) <= HEADERS, words
        assert len(message.keys()) == len(set(message.keys())), words
        assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.org"], words
        assert str(message["Subject"]).strip() == rendered.subject.replace("=?", "= ?"), words
        assert Seen(rendered) == expected, words
        parts = [part.get_content_type() for part in message.walk()]
        assert parts == ["multipart/alternative", "text/plain", "text/html"], words


def test_there_is_enough_hostility() -> None:
    assert len(set(HOSTILE)) >= 60


def test_hostile_rows_reach_no_letter_raw(app: Flask) -> None:
    words = "<b>Ann</b>\r\nBcc: eve@example.org\u2028{{ 7*7 }}"
    for kind in LetterKind:
        exchange_id = a_matched_exchange(organizer_id=an_organizer(name=words), name=words, place=words)
        ann = a_participant(exchange_id, name=words)
        facts = {"job_id": "x", "execution": "", "kind": "failed", "error": words}
        rendered = catalogue.render(queued(kind, ann, facts=facts if kind is LetterKind.JOB_FAILED else None))
        said = rendered.subject + rendered.text
        assert "\nBcc:" not in said, kind
        assert "\u2028" not in said, kind
        assert "<b>Ann" not in rendered.html, kind
        for attachment in rendered.attachments:
            (event,) = Calendar.from_ical(attachment.content).walk("VEVENT")
            assert str(event["summary"]) == one_line(words)
            assert b"\r\nBcc" not in attachment.content
