"""The catalogue: what each letter says, to whom it links, and whom it does not name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar, Event
from sqlalchemy import delete, func, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import EXTENSION
from sneaky.letters import catalogue
from sneaky.letters.sources import WITH_MATCH_LINK, read, with_link
from sneaky.models import Exchange, Letter, LetterKind, MagicToken, Organizer, Participant, TokenPurpose
from sneaky.outbox import links, queue
from sneaky.outbox.delivery import deliver
from sneaky.outbox.message import LetterObsolete, Rendered
from sneaky.outbox.transports.file import letters_in
from tests.factories import a_participant, an_exchange, an_organizer, participants
from tests.letters.mail import PURPOSES, TO_PARTICIPANTS, a_matched_exchange, change, queued, token_row
from tests.letters.pages import Page


def whole(rendered: Rendered) -> str:
    """Everything a letter says anywhere."""
    attached = "".join(attachment.content.decode() for attachment in rendered.attachments)
    return rendered.subject + rendered.text + rendered.html + attached + str(dict(rendered.headers))


def test_every_letter_is_written_from_its_rows(app: Flask) -> None:
    for kind in LetterKind:
        letter_id = queued(kind)
        rendered = catalogue.render(letter_id)
        assert rendered.subject, kind
        assert rendered.subject == rendered.subject.strip(), kind
        assert "\n" not in rendered.subject, kind
        assert "\n\n\n" not in rendered.text, kind
        page = Page(rendered.html)
        assert page.is_closed, kind
        assert page.sources == [], kind
        assert all(link.startswith("http://localhost") for link in page.links), kind
        assert catalogue.render(letter_id) == rendered, f"{kind} is another letter at the second try"


@pytest.mark.parametrize("locale", ["en", "de"])
def test_every_letter_has_a_preview(app: Flask, locale: str) -> None:
    for kind in LetterKind:
        rendered = catalogue.preview(kind, locale)
        assert rendered.subject, kind
        assert Page(rendered.html).is_closed, kind
        assert f'lang="{locale}"' in rendered.html, kind
        assert ("List-Unsubscribe" in rendered.headers) == queue.is_bulk(kind), kind


def test_styles_reach_every_mail_program(app: Flask) -> None:
    html = catalogue.preview(LetterKind.MATCH, "en").html
    assert '<h1 style="' in html
    assert "prefers-color-scheme: dark" in html
    assert "url(" not in html
    assert "@import" not in html


def test_letter_to_a_participant_names_nobody_else(app: Flask) -> None:
    organizer_id = an_organizer(name="Organella Quux", email="organella@hidden.example")
    exchange_id = a_matched_exchange(organizer_id=organizer_id)
    others = [f"Hidden{number}" for number in range(5)]
    for name in others:
        a_participant(exchange_id, name=name, email=f"{name.lower()}@hidden.example")
    ann = a_participant(exchange_id, name="Ann Addressee")
    for kind in TO_PARTICIPANTS:
        rendered = catalogue.render(queued(kind, ann))
        said = whole(rendered).lower()
        assert "ann addressee" in said, kind
        assert not any(name.lower() in said for name in [*others, "organella", "quux", "hidden.example"])
        assert rendered.reply_to is None, kind


def test_letter_to_many_gets_its_link_when_it_is_first_written(app: Flask) -> None:
    for kind in WITH_MATCH_LINK:
        before = _links_stored()
        letter_id = queued(kind)
        assert _links_stored() == before, kind
        rendered = catalogue.render(letter_id)
        catalogue.render(letter_id)
        token = token_row(letter_id)
        letter = db.session.get_one(Letter, letter_id)
        assert token.purpose is TokenPurpose.MATCH
        event_at = db.session.scalars(select(Exchange.event_at).where(Exchange.id == token.exchange_id)).one()
        assert token.expires_at == event_at + timedelta(days=7)
        assert (token.participant_id, token.email) == (letter.participant_id, letter.to_email)
        assert f"http://localhost/m/{links.token_of(token.id)}" in rendered.text, kind
        assert _links_stored() == before + 1, kind


def test_letters_that_wait_behind_get_their_links_in_one_stroke(any_app: Flask) -> None:
    exchange_id = a_matched_exchange()
    participants(exchange_id, 5)
    with transaction():
        queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
    other = queued(LetterKind.NUDGE, a_participant(exchange_id))
    ids = db.session.scalars(select(Letter.id).where(Letter.kind == LetterKind.MATCH)).all()
    texts = []
    for letter_id in ids:
        texts.append(catalogue.render(letter_id).text)
        assert _links_stored() == len(ids)
        token = token_row(letter_id)
        letter = db.session.get_one(Letter, letter_id)
        assert (token.participant_id, token.email) == (letter.participant_id, letter.to_email)
        assert f"/m/{links.token_of(token.id)}" in texts[-1]
    assert len(set(texts)) == len(ids)
    assert db.session.get_one(Letter, other).token_id is None


def _links_stored() -> int:
    return db.session.scalars(select(func.count()).select_from(MagicToken)).one()


@pytest.mark.parametrize("spoilt", [{"revoked_at": now()}, {"expires_at": now()}])
def test_letter_to_many_gets_a_new_link_where_the_old_one_died(
    app: Flask, spoilt: dict[str, datetime]
) -> None:
    letter_id = queued(LetterKind.MATCH)
    before = catalogue.render(letter_id).text
    change(MagicToken, token_row(letter_id).id, **spoilt)
    after = catalogue.render(letter_id).text
    assert before != after
    assert f"/m/{links.token_of(token_row(letter_id).id)}" in after


def test_link_to_a_match_works_as_often_as_it_is_followed(app: Flask) -> None:
    letter_id = queued(LetterKind.MATCH)
    before = catalogue.render(letter_id)
    change(MagicToken, token_row(letter_id).id, used_at=now())
    assert catalogue.render(letter_id) == before


def test_link_after_the_event_still_lives_a_week(app: Flask) -> None:
    letter_id = queued(LetterKind.MATCHES_REVEALED)
    with time_machine.travel(now() + timedelta(days=800), tick=False):
        catalogue.render(letter_id)
        assert token_row(letter_id).expires_at == now() + timedelta(days=7)


@pytest.mark.parametrize("kind", list(PURPOSES), ids=lambda kind: kind.value)
def test_personal_letter_carries_the_link_it_was_queued_for(app: Flask, kind: LetterKind) -> None:
    letter_id = queued(kind)
    rendered = catalogue.render(letter_id)
    token = token_row(letter_id)
    address = links.url(links.path_of(token.purpose, links.token_of(token.id) or ""))
    assert address in rendered.text
    assert address in Page(rendered.html).links
    assert "15 minutes" in rendered.text


def test_code_stands_beside_a_link_asked_for_in_a_browser(app: Flask) -> None:
    letter_id = queued(LetterKind.MAGIC_LINK)
    rendered = catalogue.render(letter_id)
    code = links.code_of(token_row(letter_id).id)
    assert code is not None
    assert f"{code[:4]}-{code[4:]}" in rendered.text
    assert f"{code[:4]}-{code[4:]}" in rendered.html


def test_letters_to_many_can_be_ended_by_one_click(app: Flask) -> None:
    for kind in LetterKind:
        ann = a_participant(a_matched_exchange())
        rendered = catalogue.render(queued(kind, ann))
        if not queue.is_bulk(kind):
            assert rendered.headers == {}, kind
            continue
        assert rendered.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        address = rendered.headers["List-Unsubscribe"].strip("<>")
        assert address in rendered.text, kind
        assert address in Page(rendered.html).links, kind
        assert links.participant_of_unsubscribe(address.rpartition("/")[2]) == ann, kind


def test_only_who_invites_can_be_answered(app: Flask) -> None:
    letter_id = queued(LetterKind.ORGANIZER_INVITATION)
    organizer = db.session.scalars(select(Organizer)).one()
    rendered = catalogue.render(letter_id)
    assert rendered.reply_to == organizer.email
    assert organizer.name in rendered.subject
    assert "Hello,\n" in rendered.text


def test_letters_to_organizers_greet_them_by_name(app: Flask) -> None:
    letter_id = queued(LetterKind.TEST)
    name = db.session.scalars(select(Organizer.name)).one()
    assert f"Hello {name}," in catalogue.render(letter_id).text


def test_test_letter_needs_nobody(app: Flask) -> None:
    with transaction() as session:
        queue.put(LetterKind.TEST, "anybody@example.org")
        letter_id = session.scalars(select(Letter.id)).one()
    assert "Hello,\n" in catalogue.render(letter_id).text


@pytest.mark.parametrize("kind", [LetterKind.MATCH, LetterKind.EXCHANGE_CHANGED])
def test_calendar_entry_is_attached(app: Flask, kind: LetterKind) -> None:
    exchange_id = a_matched_exchange(
        name="Office, “West”; party", place="Room 1; 2nd floor, left", budget=25, currency="EUR"
    )
    event_at = db.session.get_one(Exchange, exchange_id).event_at
    (attachment,) = catalogue.render(queued(kind, a_participant(exchange_id))).attachments
    assert (attachment.name, attachment.content_type) == (
        "exchange.ics",
        "text/calendar; charset=utf-8; method=PUBLISH",
    )
    event = _event(attachment.content)
    assert event.decoded("dtstart") == event_at.astimezone(UTC)
    assert str(event["summary"]) == "Office, “West”; party"
    assert str(event["location"]) == "Room 1; 2nd floor, left"
    assert str(event["description"]) == "Budget: about €25"
    assert str(event["url"]) == "http://localhost/me"


def test_later_calendar_entry_replaces_the_earlier_one(app: Flask) -> None:
    ann = a_participant(a_matched_exchange())
    with time_machine.travel(now(), tick=False) as clock:
        first = _event(catalogue.render(queued(LetterKind.MATCH, ann)).attachments[0].content)
        clock.shift(timedelta(hours=1))
        second = _event(catalogue.render(queued(LetterKind.EXCHANGE_CHANGED, ann)).attachments[0].content)
    assert first["uid"] == second["uid"]
    assert second.decoded("sequence") > first.decoded("sequence")
    other = _event(catalogue.render(queued(LetterKind.MATCH)).attachments[0].content)
    assert other["uid"] != first["uid"]
    assert "description" not in other
    assert "location" not in other


def _event(content: bytes) -> Event:
    calendar = Calendar.from_ical(content)
    (event,) = calendar.walk("VEVENT")
    assert isinstance(event, Event)
    return event


def test_facts_of_the_exchange_are_told(app: Flask) -> None:
    exchange_id = a_matched_exchange(
        place="12 Fir Lane",
        budget=20,
        currency="USD",
        event_local=datetime(2030, 12, 24, 18),  # noqa: DTZ001
    )
    rendered = catalogue.render(queued(LetterKind.MATCH, a_participant(exchange_id)))
    for part in (rendered.text, rendered.html):
        assert "Tuesday 24 December 2030, 18:00 (Berlin time)" in part
        assert "12 Fir Lane" in part
        assert "about $20" in part


@pytest.mark.parametrize(
    ("zone", "expected"), [("America/New_York", True), ("Europe/Berlin", False), ("Europe/Paris", False)]
)
def test_reader_elsewhere_reads_their_own_time_too(app: Flask, zone: str, expected: bool) -> None:
    exchange_id = a_matched_exchange(event_local=datetime(2030, 12, 24, 18))  # noqa: DTZ001
    text = catalogue.render(queued(LetterKind.MATCH, a_participant(exchange_id, zone=zone))).text
    assert ("For you: Tuesday 24 December 2030, 12:00 (New York time)" in text) == expected
    assert ("For you" in text) == expected


def test_guardian_is_told_whom_a_letter_is_for(app: Flask) -> None:
    child = a_participant(a_matched_exchange(), name="Mia", is_guarded=True)
    rendered = catalogue.render(queued(LetterKind.MATCH, child))
    assert "This letter is for Mia." in rendered.text
    assert "This letter is for Mia." in rendered.html


def test_addressee_chooses_the_language(app: Flask) -> None:
    exchange_id = a_matched_exchange(event_local=datetime(2030, 12, 24, 18), budget=25)  # noqa: DTZ001
    ann, bob = a_participant(exchange_id, locale="de"), a_participant(exchange_id)
    german = catalogue.render(queued(LetterKind.MATCH, ann))
    assert "Dienstag, 24. Dezember 2030, 18:00" in german.text
    assert 'lang="de"' in german.html
    app.extensions[EXTENSION] = _with_default(app, "de")
    assert "Dienstag, 24. Dezember" in catalogue.render(queued(LetterKind.MATCH, bob)).text


def _with_default(app: Flask, locale: str) -> object:
    return replace(app.extensions[EXTENSION], default_locale=locale)


@pytest.mark.parametrize(
    ("days", "subject"), [(0, "is today"), (1, "is tomorrow"), (2, "is in 2 days"), (30, "is in 30 days")]
)
def test_reminder_counts_the_days(app: Flask, days: int, subject: str) -> None:
    rendered = catalogue.render(queued(LetterKind.REMINDER, facts={"days_before": days}))
    assert rendered.subject.endswith(subject)


def test_reminder_that_waited_for_its_mail_server_tells_the_days_left_by_now(app: Flask) -> None:
    letter_id = queued(LetterKind.REMINDER)
    event_at = db.session.scalars(select(Exchange.event_at)).one()
    for hours, subject in ((72, "is in 3 days"), (45, "is in 2 days"), (20, "is tomorrow"), (2, "is today")):
        with time_machine.travel(event_at - timedelta(hours=hours)):
            assert catalogue.render(letter_id).subject.endswith(subject)


@pytest.mark.parametrize(("side", "who"), [("giver", "recipient"), ("recipient", "giver")])
def test_message_comes_from_a_role_and_never_from_a_name(app: Flask, side: str, who: str) -> None:
    rendered = catalogue.render(queued(LetterKind.NEW_MESSAGE, facts={"side": side}))
    assert f"your {who} wrote to you" in rendered.subject


def test_nudge_before_the_draw_asks_for_wishes(app: Flask) -> None:
    before = catalogue.render(queued(LetterKind.NUDGE, a_participant(an_exchange())))
    assert "what would you like?" in before.subject
    assert "your envelope is still waiting" in catalogue.render(queued(LetterKind.NUDGE)).subject


@pytest.mark.parametrize(
    ("kind", "words"), [("failed", "failed"), ("missing", "did not run"), ("slow", "far longer")]
)
def test_alert_says_what_is_wrong(app: Flask, kind: str, words: str) -> None:
    facts = {"job_id": "purge_old_exchanges", "execution": "x", "kind": kind, "error": ""}
    rendered = catalogue.render(queued(LetterKind.JOB_FAILED, facts=facts))
    assert words in rendered.subject
    assert "http://localhost/operations/executions/x\n" in rendered.text
    unrun = catalogue.render(queued(LetterKind.JOB_FAILED, facts=facts | {"execution": ""}))
    assert "http://localhost/operations/jobs\n" in unrun.text


def test_alert_says_what_went_wrong_in_words(app: Flask) -> None:
    raw = "OperationalError: (sqlite3.OperationalError) database is locked"
    facts = {"job_id": "purge_old_exchanges", "execution": "x", "kind": "failed", "error": raw}
    rendered = catalogue.render(queued(LetterKind.JOB_FAILED, facts=facts))
    for part in (rendered.text, rendered.html):
        assert "The database was busy for too long." in part
        assert raw not in part


def test_purge_warning_leads_to_the_exchange(app: Flask) -> None:
    rendered = catalogue.render(queued(LetterKind.PURGE_WARNING))
    public_id = db.session.scalars(select(Exchange.public_id)).one()
    assert f"http://localhost/exchanges/{public_id}" in rendered.text
    assert "Saturday 23 January 2027" in rendered.subject


def test_changes_are_listed_in_words(app: Flask) -> None:
    facts = {"changes": ["date", "place", "budget", "unheard-of"]}
    rendered = catalogue.render(queued(LetterKind.EXCHANGE_CHANGED, facts=facts))
    assert rendered.subject.endswith("has changed: the date, the place, and the budget")


def test_erased_letter_is_obsolete(app: Flask) -> None:
    with pytest.raises(LetterObsolete, match="erased"):
        catalogue.render(99)


def test_letter_erased_while_it_is_written_is_obsolete(any_app: Flask) -> None:
    source = read(queued(LetterKind.MATCH))
    with db.engine.begin() as somebody_else:
        somebody_else.execute(delete(Participant))
    with pytest.raises(LetterObsolete, match="erased"):
        with_link(source)


def test_two_writers_make_one_link(any_app: Flask) -> None:
    letter_id = queued(LetterKind.MATCH)
    early = read(letter_id)
    db.session.expunge_all()
    catalogue.render(letter_id)
    with_link(early)
    assert db.session.scalars(select(func.count()).select_from(MagicToken)).one() == 1


def test_delivery_needs_no_request(app: Flask) -> None:
    for kind in LetterKind:
        queued(kind)
    counts = deliver(catalogue.render)
    assert counts.sent == len(LetterKind)
    folder = app.extensions[EXTENSION].data_dir / "letters"
    assert len(letters_in(folder)) == len(LetterKind)
