"""Hostile texts in every place where a person's words reach a letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import product

import pytest
from flask import Flask
from flask_babel import force_locale
from icalendar import Calendar

from sneaky.letters import catalogue, samples, writing
from sneaky.letters.content import Content, ExchangeFacts, Facts
from sneaky.models import LetterKind
from sneaky.outbox import queue
from sneaky.outbox.message import Rendered, compose, one_line
from sneaky.web.locales import LANGUAGES
from tests.browser.markup import validator
from tests.factories import a_participant, an_organizer
from tests.faults.processes import rounds
from tests.hostile import HOSTILE
from tests.letters.mail import TO_PARTICIPANTS, a_matched_exchange, queued
from tests.letters.pages import Page


class Seen(tuple[object, ...]):
    """What a letter is made of, apart from its words: tags with attributes, links, lines of plain text."""

    def __new__(cls, rendered: Rendered) -> Seen:
        page = Page(rendered.html)
        return super().__new__(cls, (page.tags, page.links, page.is_closed, rendered.text.count("\n")))


HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]
BOTH_PARTS = ["multipart/alternative", "text/plain", "text/html"]
FOR_MANY = ["List-Unsubscribe", "List-Unsubscribe-Post"]


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


def sent(content: Content, language: str) -> tuple[Rendered, EmailMessage]:
    """The letter as it is written, and as its reader's program reads it."""
    with force_locale(language):
        subject, text, html = writing.write(content)
    rendered = Rendered(subject, text, html, headers=catalogue._headers(content))
    return rendered, as_read(rendered)


def as_read(rendered: Rendered) -> EmailMessage:
    """A letter to Ann after its journey."""
    message = compose(rendered, to_email="ann@example.org", key="abc")
    return message_from_bytes(message.as_bytes(), policy=default)


def assert_sound(message: EmailMessage, expected: Rendered, *, is_bulk: bool, types: list[str]) -> None:
    """Exactly the headers, the one recipient and the parts that the letter should have."""
    assert sorted(message.keys()) == sorted(HEADERS + (FOR_MANY if is_bulk else []))
    assert [address.addr_spec for address in message["To"].addresses] == ["ann@example.org"]
    assert [address.addr_spec for address in message["From"].addresses] == ["klaus@example.org"]
    assert str(message["Subject"]).strip() == expected.subject.replace("=?", "= ?")
    assert [part.get_content_type() for part in message.walk()] == types
    assert [part.defects for part in message.walk() if part.defects] == []
    assert [header.defects for header in message.values() if getattr(header, "defects", ())] == []
    for kind, words in (("plain", expected.text), ("html", expected.html)):
        body = message.get_body((kind,))
        assert body is not None
        assert body.get_content().splitlines() == words.splitlines()


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("kind", list(LetterKind), ids=lambda kind: kind.value)
def test_hostile_words_stay_words(app: Flask, kind: LetterKind, language: str) -> None:
    harmless = {word: Seen(sent(filled(kind, word), language)[0]) for word in ("Ann", "")}
    # The letters share the words, unless there is time for all of them in each.
    every = rounds(len(LANGUAGES), 1, quick=3 * len(LANGUAGES))
    turn = list(product(LetterKind, LANGUAGES)).index((kind, language))
    for words in HOSTILE[turn % every :: every]:
        rendered, message = sent(filled(kind, words), language)
        assert Seen(rendered) == harmless["Ann" if one_line(words) else ""], words
        assert_sound(message, rendered, is_bulk=queue.is_bulk(kind), types=BOTH_PARTS)


@pytest.mark.browser
def test_hostile_letters_are_valid_html(app: Flask) -> None:
    every = rounds(15, 1)
    with validator() as checker:
        for turn, (kind, language) in enumerate(product(LetterKind, LANGUAGES)):
            for words in HOSTILE[turn % every :: every]:
                html = sent(filled(kind, words), language)[0].html
                assert checker.faults(html, "letter") == [], (kind, language, words)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_a_letter_names_nobody_but_its_reader(app: Flask, language: str) -> None:
    exchange_id = a_matched_exchange(organizer_id=an_organizer(name="Quux the organizer"))
    for number, words in enumerate(HOSTILE):
        # Forms let no NUL pass, and PostgreSQL takes none.
        name = f"{words[:100]}Quux".replace("\x00", "")
        a_participant(exchange_id, name=name, email=f"quux{number}@example.org")
    ann = a_participant(exchange_id, name="Ann Addressee", email="ann@example.org", locale=language)
    for kind in TO_PARTICIPANTS:
        rendered = catalogue.render(queued(kind, ann))
        message = as_read(rendered)
        read = [str(value) for value in message.values()]
        read += [part.get_content() for part in message.walk() if not part.is_multipart()]
        assert "ann addressee" in " ".join(read).lower(), kind
        assert "quux" not in " ".join(read).lower(), kind
        types = (
            [*BOTH_PARTS] if not rendered.attachments else ["multipart/mixed", *BOTH_PARTS, "text/calendar"]
        )
        assert_sound(message, rendered, is_bulk=queue.is_bulk(kind), types=types)


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
