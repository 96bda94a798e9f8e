"""The outbox page: figures, reasons in plain words, hold, retry, discard, a test letter, previews."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.jobs import steering
from sneaky.models import Letter, LetterKind, LetterState
from sneaky.models.states import TELLING
from sneaky.outbox import queue
from sneaky.outbox.gate import lock, pause
from tests.clock_factories import a_letter
from tests.factories import an_exchange
from tests.web.admin import an_admins_browser
from tests.web.signing_in import press

OUTBOX = "/operations/outbox"
UNKNOWN = "550 5.1.1 User unknown"


def state_of(letter_id: int) -> LetterState:
    db.session.remove()
    return db.session.get_one(Letter, letter_id).state


def test_the_figures_tell_where_letters_are_and_how_long_the_oldest_waits(app: Flask) -> None:
    a_letter(created_at=now() - timedelta(minutes=42))
    for state in (LetterState.SENT, LetterState.SENT, LetterState.FAILED, LetterState.SENDING):
        a_letter(state)
    page = an_admins_browser(app).get(OUTBOX).text
    figures = re.findall(r'stat-number">(\d+)<.*?state=(\w+)', page, re.DOTALL)
    assert figures == [("2", "queued"), ("1", "failed"), ("0", "dead"), ("2", "sent")]
    assert "42 minutes ago" in page


def test_figures_renew_themselves_only_while_letters_are_on_their_way(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert "data-hx-get" not in admin.get(OUTBOX).text
    a_letter()
    assert f'data-hx-get="{OUTBOX}"' in admin.get(OUTBOX).text
    region = admin.get(OUTBOX, headers={"HX-Request": "true"}).text
    assert region.strip().startswith('<div id="outbox"')
    assert "<html" not in region


def test_a_dead_letter_tells_why_in_plain_words_and_in_the_servers(app: Flask) -> None:
    a_letter(LetterState.DEAD, error=UNKNOWN, exchange_id=an_exchange(name="Family <Christmas>"))
    page = an_admins_browser(app).get(OUTBOX).text
    assert "This mailbox does not exist. Check the address." in page
    assert f"<code>{UNKNOWN}</code>" in page
    assert "Family &lt;Christmas&gt;" in page
    assert "1 letter could not be delivered" in page


def test_letters_are_chosen_by_state(app: Flask) -> None:
    for state in LetterState:
        a_letter(state, to_email=f"{state}@example.org")
    admin = an_admins_browser(app, email="admin@example.net")
    for state in LetterState:
        shown = set(re.findall(r"(\w+)@example\.org", admin.get(f"{OUTBOX}?state={state}").text))
        together = {"dead", "bounced"}  # what is to be done is the same
        assert shown == (together if state.value in together else {state.value})
    assert len(set(re.findall(r"(\w+)@example\.org", admin.get(f"{OUTBOX}?state=lost").text))) == len(
        LetterState
    )


def shown(page: str) -> set[str]:
    """Whom the listed letters went to, by the part before the @."""
    return set(re.findall(r"(\w+)@example\.org<br>", page))


def test_letters_are_chosen_by_kind_address_and_exchange(any_app: Flask) -> None:
    family, office = an_exchange(name="Family 100%"), an_exchange(name="Office_party")
    a_letter(to_email="ann@example.org", kind=LetterKind.MATCH, exchange_id=family)
    a_letter(to_email="bob@example.org", kind=LetterKind.REMINDER, exchange_id=family)
    a_letter(LetterState.SENT, to_email="anna@example.org", kind=LetterKind.REMINDER, exchange_id=office)
    a_letter(to_email="annette@example.org", kind=LetterKind.TEST)
    admin = an_admins_browser(any_app, email="admin@example.net")
    everybody = {"ann", "bob", "anna", "annette"}
    for asked, found in [
        ("kind=reminder", {"bob", "anna"}),
        ("kind=reminder&state=sent", {"anna"}),
        ("q=ANN", {"ann", "anna", "annette"}),
        ("q=ann%40example.org", {"ann"}),
        ("q=family", {"ann", "bob"}),
        ("q=100%25", {"ann", "bob"}),
        ("q=%25", {"ann", "bob"}),
        ("q=_", {"anna"}),
        ("q=ann&kind=reminder", {"anna"}),
        ("kind=nonsense&state=nonsense&q=+", everybody),
    ]:
        assert shown(admin.get(f"{OUTBOX}?{asked}").text) == found, asked
    nothing = admin.get(f"{OUTBOX}?q=nobody&kind=match").text
    assert "No letter is like that." in nothing
    assert '<option value="match" selected>' in nothing
    assert 'value="nobody"' in nothing


@pytest.mark.parametrize("kind", sorted(TELLING))
def test_no_address_leads_to_a_letter_that_could_tell(app: Flask, kind: LetterKind) -> None:
    a_letter(to_email="ann@example.org", kind=kind, exchange_id=an_exchange(name="Family"))
    admin = an_admins_browser(app)
    for asked in ("q=ann", f"q=ann%40example.org&kind={kind}", f"q=example&kind={kind}&state=queued"):
        assert "No letter is like that." in admin.get(f"{OUTBOX}?{asked}").text
    found = admin.get(f"{OUTBOX}?q=family&kind={kind}").text
    assert "hidden, so that nobody can tell" in found
    assert "ann@example.org" not in found


def test_one_letter_is_tried_again(app: Flask) -> None:
    one, other = a_letter(LetterState.DEAD), a_letter(LetterState.DEAD)
    admin = an_admins_browser(app)
    narrowed = "?state=dead&kind=match&q=example.org"
    answer = press(admin, f"{OUTBOX}/retry{narrowed}", on=OUTBOX + narrowed, letter=str(one))
    assert answer.headers["Location"] == OUTBOX + narrowed
    assert (state_of(one), state_of(other)) == (LetterState.QUEUED, LetterState.DEAD)
    assert "1 letter is tried again now, unless it is out of date." in admin.get(OUTBOX).text


def test_one_letter_is_taken_out(app: Flask) -> None:
    one, other = a_letter(), a_letter(LetterState.DEAD)
    press(an_admins_browser(app), f"{OUTBOX}/discard", on=OUTBOX, letter=str(one))
    assert (state_of(one), state_of(other)) == (LetterState.DISCARDED, LetterState.DEAD)


@pytest.mark.parametrize(
    ("action", "after"), [("retry", LetterState.QUEUED), ("discard", LetterState.DISCARDED)]
)
def test_all_dead_letters_at_once(app: Flask, action: str, after: LetterState) -> None:
    dead = [a_letter(LetterState.DEAD) for _ in range(3)]
    waiting, sent = a_letter(LetterState.FAILED), a_letter(LetterState.SENT)
    press(an_admins_browser(app), f"{OUTBOX}/{action}", on=OUTBOX, all="yes")
    assert {state_of(letter) for letter in dead} == {after}
    assert (state_of(waiting), state_of(sent)) == (LetterState.FAILED, LetterState.SENT)


@pytest.mark.parametrize("letter", ["", "nonsense", "0", "99999", "9" * 30, f"-{'9' * 30}"])
@pytest.mark.parametrize("action", ["retry", "discard"])
def test_a_letter_that_is_not_there_changes_nothing(any_app: Flask, action: str, letter: str) -> None:
    dead = a_letter(LetterState.DEAD)
    assert (
        press(an_admins_browser(any_app), f"{OUTBOX}/{action}", on=OUTBOX, letter=letter).status_code == 303
    )
    assert state_of(dead) is LetterState.DEAD


def test_a_sent_letter_is_neither_sent_again_nor_taken_out(app: Flask) -> None:
    sent, admin = a_letter(LetterState.SENT), an_admins_browser(app)
    for action in ("retry", "discard"):
        assert f"{OUTBOX}/{action}" not in admin.get(OUTBOX).text
        press(admin, f"{OUTBOX}/{action}", on=OUTBOX, letter=str(sent))
    assert state_of(sent) is LetterState.SENT


def test_letters_that_wait_for_a_paused_job_say_so(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert "Nobody delivers letters" not in admin.get(OUTBOX).text
    steering.set_paused("deliver_letters", True)
    a_letter()
    page = admin.get(OUTBOX).text
    assert "Nobody delivers letters" in page
    assert "/operations/jobs/deliver_letters/resume" in page


def test_letters_are_held_with_a_reason_until_somebody_lets_them_go(app: Flask) -> None:
    admin = an_admins_browser(app)
    press(admin, f"{OUTBOX}/hold", on=OUTBOX, reason="The mail server moves house.")
    assert queue.held_reason() == "The mail server moves house."
    assert "The mail server moves house." in admin.get(OUTBOX).text
    press(admin, f"{OUTBOX}/resume", on=OUTBOX)
    assert queue.held_reason() is None


@pytest.mark.parametrize(("reason", "told"), [("", "This is needed."), ("x" * 201, "At most 200 characters")])
def test_a_hold_needs_a_reason_of_some_words(app: Flask, reason: str, told: str) -> None:
    answer = press(an_admins_browser(app), f"{OUTBOX}/hold", on=OUTBOX, reason=reason)
    assert answer.status_code == 422
    assert told in answer.text
    assert queue.held_reason() is None


def test_a_pause_tells_until_when_and_why(app: Flask) -> None:
    with transaction() as session:
        pause(lock(session), now(), timedelta(minutes=5), "No connection to mail.example.org")
    page = an_admins_browser(app).get(OUTBOX).text
    assert "The mail server cannot be reached." in page
    assert "No connection" not in page
    assert "in 5 minutes" in page


def test_a_test_letter_goes_to_the_admins_own_address(app: Flask) -> None:
    admin = an_admins_browser(app, email="olga@example.org")
    press(admin, f"{OUTBOX}/test-letter", on=OUTBOX)
    letter = db.session.scalars(select(Letter)).one()
    assert (letter.kind, letter.to_email, letter.priority) == (LetterKind.TEST, "olga@example.org", 0)
    assert "A test letter goes to olga@example.org now." in admin.get(OUTBOX).text


def test_the_page_asks_the_database_as_often_for_many_letters_as_for_few(app: Flask) -> None:
    admin, asked = an_admins_browser(app), list[str]()
    admin.get(OUTBOX)
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for number in (1, 30):
        for _ in range(number):
            a_letter(LetterState.DEAD, error=UNKNOWN, exchange_id=an_exchange())
        for narrowed in ("", "?state=dead&kind=test&q=example"):
            asked.clear()
            admin.get(OUTBOX + narrowed)
            counts.append(len(asked))
    assert len(set(counts)) == 1
    assert counts[0] < 12


def test_every_letter_can_be_read_with_made_up_people(app: Flask) -> None:
    admin = an_admins_browser(app)
    index = admin.get("/operations/letters?language=en").text
    for kind in LetterKind:
        assert f"/operations/letters/{kind}?language=en" in index
        page = admin.get(f"/operations/letters/{kind}")
        assert "Sneaky Klaus" in page.text
        shown = admin.get(f"/operations/letters/{kind}/html")
        assert shown.text.lstrip().startswith("<!DOCTYPE html>")
        policy = shown.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
