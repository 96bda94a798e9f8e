"""What rooms refuse and judge is told in the language of the page, with what people typed left as it is."""

from __future__ import annotations

import ast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from sneaky.core.errors import NotFound, RuleBroken
from sneaky.core.typed import line
from sneaky.draws.rules import verdict_for
from sneaky.exchanges import exclusions, households
from sneaky.executions.claims import Refusal
from sneaky.jobs.schedules import checked
from sneaky.jobs.timetable import BY_ID
from sneaky.reminders.sending import NOBODY_WANTS
from sneaky.web.wording import retold, told
from tests.factories import a_participant, an_exchange, participants
from tests.house.source import modules
from tests.web.exchanging import drawn, organized, path_of
from tests.web.signing_in import press

GERMAN = {"Accept-Language": "de"}


def test_words_of_ours_are_translated_and_typed_ones_are_not(app: Flask) -> None:
    with pytest.raises(RuleBroken) as missing:
        line("", field="name", called="The name", longest=10)
    typed = RuleBroken("%(name)s has withdrawn already.", name="The name")
    with force_locale("de"):
        assert told(missing.value) == "Der Name fehlt. Bitte fülle das aus."
        assert told(typed) == "The name ist schon ausgestiegen."
    assert told(missing.value) == missing.value.message == "The name is missing. Please fill it in."


def test_an_error_keeps_a_per_cent_sign_that_somebody_typed(app: Flask) -> None:
    odd = RuleBroken("Nobody here is called “%(text)s”. Check the spelling.", text="100 %s %(x)s")
    with force_locale("de"):
        assert "„100 %s %(x)s“" in told(odd)
    assert told(NotFound("100 % gone")) == "100 % gone"


def test_large_numbers_are_parted_as_the_reader_is_used_to(app: Flask) -> None:
    full = RuleBroken(
        "An exchange takes %(most)s people. Please make a second one for the others.", most=10_000
    )
    for language, number in (("de", "10.000"), ("en", "10,000")):
        with force_locale(language):
            assert number in told(full)


def test_an_error_can_tell_of_another(app: Flask) -> None:
    outer = RuleBroken(
        "%(who)s: %(problem)s", who="takes part already", problem=RuleBroken("takes part already")
    )
    with force_locale("de"):
        assert told(outer) == "takes part already: macht schon mit"
    assert told(outer) == outer.message == "takes part already: takes part already"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (NOBODY_WANTS, "von allen, die mitmachen, möchte niemand Erinnerungen"),
        (Refusal.BUSY.value, "sie läuft gerade"),
        ("the database does not answer (TimeoutError)", "die Datenbank antwortet nicht (TimeoutError)"),
        ("What somebody made up", "What somebody made up"),
        ("", ""),
    ],
)
def test_what_a_room_wrote_down_is_told_in_the_language_of_the_reader(
    app: Flask, written: str, read: str
) -> None:
    with app.test_request_context(headers=GERMAN):
        assert retold(written) == read


def test_the_bounds_of_a_schedule_are_told_in_german(app: Flask) -> None:
    with pytest.raises(RuleBroken) as steps:
        checked(BY_ID["cleanup_expired_tokens"], {"hour": 5})
    with pytest.raises(RuleBroken) as within:
        checked(BY_ID["purge_old_exchanges"], {"hour": 24})
    with force_locale("de"):
        assert "alle 1, 2, 3, 4, 6, 8, 12 Stunden" in told(steps.value)
        assert told(within.value) == "Bitte gib die Stunde als ganze Zahl von 0 bis 23 an."


def test_a_pasted_line_is_refused_in_german(client: FlaskClient) -> None:
    exchange_id = organized(client)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    twice = "Ann, ann@example.org\nBob, ann@example.org"
    page = press(client, path_of(exchange_id, "participants/list"), lines=twice)
    assert "Bob, ann@example.org: diese Adresse steht zweimal in der Liste" in page.text


def test_a_button_and_a_form_are_refused_in_german(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    press(client, path_of(exchange_id, "joining/open"), on=path_of(exchange_id))
    assert "Es ist schon ausgelost. Nimm zuerst die Auslosung zurück" in client.get(path_of(exchange_id)).text
    form = press(client, path_of(exchange_id, "rescue"))
    assert "Wähle eine Person, die nicht erscheint." in form.text


@pytest.mark.parametrize(("page", "field"), [("rules/households", "people"), ("repair", "leaving")])
def test_somebody_who_cannot_be_ticked_is_refused_in_german(
    client: FlaskClient, page: str, field: str
) -> None:
    if page == "repair":
        exchange_id, _people = drawn(client)
    else:
        exchange_id = organized(client)
        participants(exchange_id, 3)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "de"
    on = path_of(exchange_id, page.partition("/")[0])
    answer = press(client, path_of(exchange_id, page), on=on, **{field: "nobody"})
    assert "Du hast eine Person angekreuzt, die nicht mehr dabei ist." in answer.text


def test_a_verdict_is_told_in_german(client: FlaskClient) -> None:
    exchange_id = organized(client)
    ann, bob, cid, *_others = (
        a_participant(exchange_id, name=name) for name in ("Ann", "Bob", "Cid", "Dan", "Eve")
    )
    for person in (ann, bob, cid):
        households.assign(person, "Müller")
    page = client.get(path_of(exchange_id, "rules"), headers=GERMAN).text
    assert "Für die 3 aus dem Haushalt Müller kommen beim Schenken nur diese 2 infrage: Dan und Eve." in page
    assert "aus dem Haushalt Müller nehmen" in page


def test_each_verdict_has_its_german_sentence(app: Flask) -> None:
    exchange_id = an_exchange()
    with force_locale("de"):
        assert "bisher ist es niemand" in verdict_for(exchange_id).sentences[0]
        ann, bob, cid = (a_participant(exchange_id, name=name) for name in ("Ann", "Bob", "Cid"))
        exclusions.exclude(exchange_id, ann, bob, is_mutual=False)
        assert verdict_for(exchange_id).warnings[0] == "Ann kann nur Cid beschenken."
        exclusions.exclude(exchange_id, ann, cid, is_mutual=False)
        assert verdict_for(exchange_id).sentences == ["Für Ann kommt beim Schenken niemand infrage."]


def test_no_room_fills_in_a_message_before_it_can_be_translated() -> None:
    """A message with its values in it is in no catalogue; machines and shells may have one."""
    filled_in = [
        f"{module.name}:{node.lineno}"
        for module in modules("sneaky")
        if not module.name.startswith(("sneaky/cli/", "sneaky/upkeep/"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"RuleBroken", "NotFound"}
        and node.args
        and isinstance(node.args[0], ast.JoinedStr)
        and any(
            isinstance(part, ast.Constant) and str(part.value).strip(": ") for part in node.args[0].values
        )
    ]
    assert filled_in == []
