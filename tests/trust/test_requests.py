"""What a running instance takes, and what it says whoever asks: forms, hosts, proxies, headers, sizes."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.core.tokens import new_public_id
from sneaky.models import Exchange, RateLimit
from tests.factories import a_participant, an_exchange, an_organizer
from tests.trust.instance import BASE_URL, HOST, Answer, Browser, Instance
from tests.trust.people import a_drawn_exchange, signed_in
from tests.web.exchanging import path_of
from tests.web.routes import Audience, routes
from tests.web.signing_in import csrf_token

pytestmark = pytest.mark.slow
PUBLIC = ["/", "/sign-in", "/find", "/forgot", "/sign-up", "/code", "/privacy", "/letter-sent"]
ELSEWHERE = "https://evil.example"


def exchanges(organizer: int) -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).where(Exchange.organizer_id == organizer)) or 0


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "", "Origin": ELSEWHERE},
        {"Sec-Fetch-Site": "", "Origin": "null"},
        {"Sec-Fetch-Site": "", "Origin": f"http://{HOST}"},
        {"Sec-Fetch-Site": "", "Origin": f"https://{HOST}.evil.example"},
    ],
    ids=str,
)
def test_a_form_from_elsewhere_changes_nothing(instance: Instance, headers: dict[str, str]) -> None:
    organizer = an_organizer()
    exchange = a_drawn_exchange(organizer, "Ann", "Bob", "Cleo")
    browser = signed_in(instance, organizer=organizer)
    form = {"csrf_token": csrf_token(browser.open(exchange.path).text)}
    copy = f"{exchange.path}/copy"
    assert browser.ask("POST", copy, form=form, headers=headers).status == 403
    assert exchanges(organizer) == 1
    assert browser.ask("POST", copy, form=form).status == 303
    assert exchanges(organizer) == 2


def test_a_form_needs_the_token_of_its_own_browser(instance: Instance) -> None:
    organizer = an_organizer()
    exchange = a_drawn_exchange(organizer, "Ann", "Bob", "Cleo")
    browser, other = signed_in(instance, organizer=organizer), signed_in(instance, organizer=an_organizer())
    foreign = csrf_token(other.open("/exchanges").text)
    for form in ({}, {"csrf_token": ""}, {"csrf_token": "made-up"}, {"csrf_token": foreign}):
        for page in ("copy", "draw/undo", "nudge"):
            assert browser.ask("POST", f"{exchange.path}/{page}", form=form).status == 400
    assert exchanges(organizer) == 1


def test_every_changing_route_asks_for_a_token(instance: Instance) -> None:
    """Only the mail program's one-click unsubscribe and the signed webhook do without."""
    organizer = an_organizer(is_admin=True)
    browser, named = signed_in(instance, organizer=organizer), {}
    for kind in ("exchange", "person", "wish", "match", "run", "job", "letter", "token"):
        named[kind] = new_public_id()
    open_doors = set()
    for route in routes(instance.app):
        if "POST" in route.methods:
            answer = browser.ask("POST", route.address(named), form={})
            if answer.status != 400:
                open_doors.add(route.rule.endpoint)
    assert open_doors == {"public.unsubscribe", "public.resend_event"}


def test_an_exchange_of_somebody_else_is_not_there(instance: Instance) -> None:
    theirs = a_drawn_exchange(an_organizer(), "Ann", "Bob", "Cleo")
    browser = signed_in(instance, organizer=an_organizer())
    token = csrf_token(browser.open("/exchanges").text)
    theirs_id, nobody = theirs.path.rpartition("/")[2], new_public_id()
    asked = 0
    for route in routes(instance.app, Audience.ORGANIZER):
        if set(route.kinds.values()) != {"exchange"}:
            continue
        for method in route.methods:
            form = {"csrf_token": token} if method == "POST" else None
            found, absent = (
                browser.ask(method, route.address({"exchange": each}), form=form)
                for each in (theirs_id, nobody)
            )
            assert found.status == 404, route.rule
            assert found.alike() == absent.alike(), route.rule
            asked += 1
    assert asked > 35


def test_another_host_name_is_refused_and_no_link_follows_it(instance: Instance) -> None:
    for host in ("evil.example", f"{HOST}.evil.example", f"evil.{HOST}", f"{HOST}@evil.example", "[::2]"):
        for page in ("/", "/sign-in", "/absent"):
            answer = Browser(instance).ask("GET", page, headers={"Host": host})
            assert answer.status == 400, host
            assert "evil" not in answer.text + str(answer.headers)
    answer = Browser(instance).ask("GET", "/", headers={"X-Forwarded-Host": "evil.example"})
    assert answer.status == 400, "the one proxy's word counts, and it named a foreign host"


def test_only_the_last_proxy_is_believed(instance: Instance) -> None:
    """Whoever asks may write what they like before it: it neither hides nor blames anybody."""
    asker = Browser(instance)
    token = csrf_token(asker.open("/sign-in").text)
    form = {"csrf_token": token, "email": "nobody@example.org", "password": "wrong horse!"}
    last = "192.0.2.200"

    def guess(number: int) -> Answer:
        email = {"email": f"nobody{number}@proxies.example.org"}
        return asker.ask(
            "POST", "/sign-in", form=form | email, headers={"X-Forwarded-For": f"10.9.9.{number}, {last}"}
        )

    assert [guess(number).status for number in range(11)] == [422] * 10 + [429]
    asker.ip = "10.9.9.1"
    assert asker.ask("POST", "/sign-in", form=form).status == 422
    assert db.session.scalar(select(func.count()).select_from(RateLimit))


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "///evil.example",
        "/%5Cevil.example/..//evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/sign-out",
        "/absent",
        "/exchanges\r\nX-Evil: yes",
        f"https://{HOST}@evil.example/",
    ],
)
def test_after_signing_in_one_stays_on_ones_own_pages(instance: Instance, wanted: str) -> None:
    browser = signed_in(instance, organizer=an_organizer())
    answer = browser.ask("GET", f"/sign-in?next={quote(wanted, safe='')}")
    assert answer.place == "/exchanges"
    assert "x-evil" not in answer.headers
    assert browser.ask("GET", "/sign-in?next=%2Fexchanges%2Fnew%3Fa%3D1").place == "/exchanges/new?a=1"
    assert browser.ask("GET", "/find", headers={"Referer": wanted.replace("\r\n", "")}).status == 200


def test_every_answer_carries_the_headers(instance: Instance) -> None:
    browser = signed_in(instance, organizer=an_organizer(is_admin=True))
    answers = [Browser(instance).ask("GET", page) for page in PUBLIC]
    answers += [browser.ask("GET", page) for page in ("/exchanges", "/account", "/operations/jobs")]
    answers += [
        browser.ask("GET", "/absent"),
        browser.ask("POST", "/exchanges/new", form={}),
        browser.ask("DELETE", "/"),
        browser.ask("GET", "/", headers={"Host": "evil.example"}),
        browser.ask("POST", "/exchanges/new", form={}, headers={"Sec-Fetch-Site": "cross-site"}),
        browser.ask("POST", "/sign-in", body=b"x" * 1_200_000),
        browser.ask("GET", "/healthz"),
        Browser(instance).ask("GET", "/exchanges"),
    ]
    assert {answer.status for answer in answers} >= {200, 303, 400, 403, 404, 405, 413}
    for answer in answers:
        said = answer.headers
        policy = dict(part.strip().split(" ", 1) for part in said["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in said["content-security-policy"]
        assert "*" not in said["content-security-policy"]
        assert said["strict-transport-security"].startswith("max-age=31536000")
        assert said["x-content-type-options"] == "nosniff"
        assert said["referrer-policy"] == "same-origin"
        assert said["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in said["permissions-policy"]
        assert said["cache-control"] == "no-store"
        assert not re.search(r"<(script|style)(?![^>]* src=)[^>]*>|\son\w+=|\sstyle=", answer.text)


def test_what_is_too_large_is_refused(instance: Instance) -> None:
    organizer = an_organizer()
    exchange = a_drawn_exchange(organizer, "Ann", "Bob", "Cleo")
    browser = signed_in(instance, organizer=organizer)
    token = csrf_token(browser.open("/exchanges/new").text)
    huge = {"csrf_token": token, "name": "x" * (1024 * 1024)}
    assert browser.ask("POST", "/exchanges/new", form=huge).status == 413
    assert (
        browser.ask("POST", f"{exchange.path}/edit", form={"csrf_token": token, "name": "x" * 121}).status
        == 422
    )
    joining = an_exchange(organizer)
    lines = "\n".join(f"P{number},p{number}@example.org" for number in range(10_001))
    answer = browser.ask(
        "POST", f"{path_of(joining)}/participants/list", form={"csrf_token": token, "lines": lines}
    )
    assert answer.status == 422
    assert "10,000" in answer.text
    wish = {"csrf_token": "", "title": "x" * 201}
    guest = signed_in(instance, participant=a_participant(joining))
    wish["csrf_token"] = csrf_token(guest.open("/me/wish-list").text)
    assert guest.ask("POST", "/me/wish-list", form=wish).status == 422


def test_links_start_with_the_address_that_was_set(instance: Instance) -> None:
    organizer = an_organizer()
    exchange = an_exchange(organizer)
    browser = signed_in(instance, organizer=organizer)
    browser.press(f"{path_of(exchange)}/joining/new-link", on=path_of(exchange))
    page = browser.ask("GET", path_of(exchange), headers={"X-Forwarded-Proto": "http"}).text
    assert set(re.findall(r"https?://[^\"<]+/j/", page)) == {f"{BASE_URL}/j/"}
