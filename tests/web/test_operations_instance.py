"""The instance: its health, its audit trail, its organizers and who was invited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from sneaky import __version__
from sneaky.access import audit, organizers
from sneaky.access.trail import PAGE_SIZE
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import alerts
from sneaky.models import Instance, Leader, Letter, LetterKind, TroubleKind
from sneaky.outbox import queue
from sneaky.upkeep.backups import HELD_AFTER_RESTORE
from tests.access.looking import token_in
from tests.clock_factories import a_failed_run, a_ticking_clock
from tests.factories import an_exchange, an_organizer
from tests.web.admin import JSON, an_admins_browser
from tests.web.signing_in import press

HEALTH, AUDIT = "/operations/health", "/operations/audit"
ORGANIZERS = "/operations/organizers"


def test_a_healthy_instance_says_so(app: Flask) -> None:
    a_ticking_clock()
    with transaction() as session:
        session.add(Instance(id=1, set_up_at=now(), backed_up_at=now() - timedelta(hours=9)))
    page = an_admins_browser(app).get(HEALTH).text
    for words in (
        "all is well",
        "opaque-leader",
        {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[db.engine.dialect.name],
        "9 hours ago",
        "a folder of files",
        "not tried yet",
        __version__,
    ):
        assert words in page


def test_without_a_leader_the_page_gives_the_reason(app: Flask) -> None:
    page = an_admins_browser(app).get(HEALTH).text
    assert "No process leads the clock." in page
    assert "needs a look" in page


def test_open_troubles_lead_to_the_run(app: Flask) -> None:
    a_ticking_clock()
    admin, run = an_admins_browser(app), a_failed_run()
    alerts.raise_trouble(TroubleKind.FAILED, "purge_old_exchanges", execution=run, error="ValueError: oh")
    page = admin.get(HEALTH).text
    for words in ("A run failed", "ValueError: oh", f'href="/operations/executions/{run}"', "needs a look"):
        assert words in page
    alerts.close("purge_old_exchanges")
    assert "A run failed" not in admin.get(HEALTH).text


def test_mail_that_is_held_is_told_with_its_reason(app: Flask) -> None:
    queue.hold("401 invalid api key")
    page = an_admins_browser(app).get(HEALTH).text
    assert "held back" in page
    assert "The mail provider does not accept our key." in page


def test_what_is_wrong_is_told_in_the_language_of_the_admin(app: Flask) -> None:
    with transaction() as session:
        session.add(Leader(id=1, holder="late", term=3, ticked_at=now() - timedelta(minutes=5)))
    slow = "running for 900 s, usually 30 s"
    alerts.raise_trouble(TroubleKind.SLOW, "deliver_letters", error=slow)
    queue.hold(HELD_AFTER_RESTORE)
    admin = an_admins_browser(app, locale="de")
    for page in (admin.get(HEALTH).text, admin.get("/operations/outbox").text):
        assert "aus einer Sicherung wiederhergestellt; nichts geht hinaus" in page
    page = admin.get(HEALTH).text
    assert "<li>Die letzte Runde der Uhr war um" in page
    assert "Der Lauf dauert schon 900 Sekunden; sonst sind es 30." in page


def test_programs_read_health_as_json(app: Flask) -> None:
    a_ticking_clock()
    admin = an_admins_browser(app)
    answer = admin.get(HEALTH, headers=JSON).get_json()
    assert answer["vitals"]["reasons"] == []
    assert answer["vitals"]["leader"]["holder"] == "opaque-leader"
    assert admin.get(f"{HEALTH}.json").get_json()["vitals"]["database"] == answer["vitals"]["database"]


def test_the_audit_trail_is_newest_first_and_can_be_narrowed(app: Flask) -> None:
    exchange = an_exchange(name="Family Christmas")
    audit.note("organizer.created", is_admin=True)
    audit.note("draw.conducted", exchange_id=exchange, participants=12, method="huber-law")
    audit.note("organizer.signed_in", organizer_id=an_organizer(name="Olga"))
    admin = an_admins_browser(app)
    page = admin.get(AUDIT).text
    rows = page[page.index("<tbody>") :]
    assert rows.index("organizer signed in") < rows.index("names drawn")
    assert "participants</span> 12" in rows
    assert "method</span> <code>huber-law</code>" in rows
    assert "admin</span> yes" in rows
    assert "Family Christmas" not in page
    narrowed = admin.get(f"{AUDIT}?action=draw.conducted").text
    assert "organizer signed in" not in narrowed[narrowed.index("<tbody>") :]


def test_a_long_trail_is_paged_with_few_questions(app: Flask) -> None:
    admin, asked = an_admins_browser(app), list[str]()
    for number in range(PAGE_SIZE + 1):
        audit.note("organizer.signed_in", number=number)
    assert "page=2" in admin.get(AUDIT).text
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert admin.get(f"{AUDIT}?page=2").text.count('<th scope="row">') == 1
    assert len(asked) < 8


def test_organizers_are_listed_with_how_many_exchanges_they_have(app: Flask) -> None:
    bruno = an_organizer(name="Bruno <b>", email="bruno@example.org")
    for _ in range(3):
        an_exchange(bruno)
    page = an_admins_browser(app).get(ORGANIZERS).text
    assert "Bruno &lt;b&gt;" in page
    row = page[page.index("bruno@example.org") :].split("</tr>")[0]
    assert "<td>3</td>" in row


def test_an_invitation_goes_out_and_is_listed_until_it_is_answered(app: Flask) -> None:
    admin = an_admins_browser(app)
    assert press(admin, ORGANIZERS, email=" Carla@Example.org ").headers["Location"] == ORGANIZERS
    letter = db.session.scalars(select(Letter)).one()
    assert (letter.kind, letter.to_email) == (LetterKind.ORGANIZER_INVITATION, "carla@example.org")
    page = admin.get(ORGANIZERS).text
    assert "Not answered yet" in page
    assert "<li>carla@example.org" in page
    organizers.accept_invitation(token_in(letter), name="Carla", password="a good long one")
    assert "Not answered yet" not in admin.get(ORGANIZERS).text


@pytest.mark.parametrize(
    ("email", "told"),
    [("", "This is needed."), ("nobody at all", "address"), ("olga@example.org", "an organizer already")],
)
def test_an_invitation_nobody_can_receive_is_refused(app: Flask, email: str, told: str) -> None:
    admin = an_admins_browser(app, email="olga@example.org")
    answer = press(admin, ORGANIZERS, email=email)
    assert answer.status_code == 422
    assert told in answer.text
    assert f'value="{email}"' in answer.text
    assert db.session.scalars(select(Letter)).all() == []


def test_the_list_of_organizers_asks_as_often_for_many_as_for_few(app: Flask) -> None:
    admin, asked = an_admins_browser(app), list[str]()
    admin.get(ORGANIZERS)
    event.listen(db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    counts = []
    for number in (1, 30):
        for _ in range(number):
            an_exchange(an_organizer())
        asked.clear()
        admin.get(ORGANIZERS)
        counts.append(len(asked))
    assert counts[0] == counts[1] < 8
