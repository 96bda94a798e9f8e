"""A new secret key: everything sealed anew, nothing lost in between, and a clear end of the key of before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from sneaky import conversations
from sneaky.cli.check import findings
from sneaky.core import crypto, key_file
from sneaky.core.clock import now
from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken, SettingsError
from sneaky.core.settings import EXTENSION
from sneaky.exchanges import join_links, participants, personal_data
from sneaky.matches import seals
from sneaky.models import (
    Draw,
    Exchange,
    Instance,
    MagicToken,
    MessageAuthor,
    PairMemory,
    TokenPurpose,
)
from sneaky.outbox import gate, links, queue
from sneaky.upkeep import forgetting, keys
from tests.factories import an_organizer
from tests.faults.processes import on_both_in_full, rounds, wait_until
from tests.upkeep.lives import ADDRESS, FIRST, MESSAGE, a_full_life, following, settings_of
from tests.web.signing_in import csrf_token, sign_in_organizer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(any_app: Flask) -> Path:
    """The key file that the app follows, as one that was started without SNEAKY_SECRET_KEY does."""
    return following(any_app)


def everything_opens(people: list[int]) -> None:
    """Matches, messages and addresses are as they were, and each giver is found by their recipient."""
    db.session.expire_all()
    pairs = seals.pairs(db.session.scalars(select(Draw.id)).one())
    assert set(pairs) == set(pairs.values()) == set(people)
    assert seals.givers_of(people) == {recipient: giver for giver, recipient in pairs.items()}
    assert personal_data.postal_address(people[2]) == ADDRESS
    assert [one.body for one in conversations.thread(people[0], MessageAuthor.GIVER).messages] == [MESSAGE]


def test_everything_is_sealed_anew_and_opens(any_app: Flask, file: Path) -> None:
    people = a_full_life()
    old = keyring().fingerprint
    counts = keys.rotate(grace=0)
    assert counts == {"matches": 6, "messages": 1, "postal addresses": 1}
    assert key_file.read(file)[1:] == (FIRST,)
    everything_opens(people)
    current, earlier_one = keys.status()
    assert (current.sealed, earlier_one.sealed) == (counts, {})
    assert earlier_one.fingerprint == old != current.fingerprint == keyring().fingerprint
    assert db.session.scalar(select(Instance.key_fingerprint)) == current.fingerprint
    key_file.write(file, key_file.read(file)[:1])
    everything_opens(people)
    assert list(findings()) == []


def test_interrupted_rotation_goes_on_and_makes_no_further_key(app: Flask) -> None:
    file = following(app)
    people = a_full_life()
    fresh = key_file.new_key()
    key_file.write(file, [fresh, FIRST])
    assert seals.reseal("", 2) is not None
    assert [status.sealed.get("matches") for status in keys.status()] == [2, 4]
    everything_opens(people)
    assert keys.rotate(grace=0) == {"matches": 4, "messages": 1, "postal addresses": 1}
    assert key_file.read(file) == (fresh, FIRST)
    everything_opens(people)


def test_key_in_the_environment_is_changed_by_the_operator(app: Flask) -> None:
    people = a_full_life()
    with pytest.raises(RuleBroken, match="add a new one to SNEAKY_OLD_SECRET_KEYS"):
        keys.rotate(grace=0)
    here = settings_of(app)
    app.extensions[EXTENSION] = replace(here, secret_key=FIRST, old_secret_keys=(here.secret_key,))
    crypto.init_app(app, settings_of(app))
    assert keys.rotate(grace=0)["matches"] == 6
    forgetting.forget()
    app.extensions[crypto.KEYRING] = Keyring(FIRST)
    everything_opens(people)


def test_links_codes_and_proofs_of_before_stay_good(app: Flask) -> None:
    following(app)
    people = a_full_life()
    exchange_id = db.session.scalars(select(Exchange.id).where(Exchange.join_hash.is_(None))).first()
    assert exchange_id is not None
    join_links.replace(exchange_id)
    with transaction() as session:
        made = links.mint(
            TokenPurpose.SIGN_IN,
            lifetime=timedelta(minutes=15),
            participant_id=people[0],
            browser="its secret",
        )
        gate.accept(gate.lock(session), now())
        gate.refuse(session, gate.lock(session), "no")
    join_link, unsubscribe = join_links.current(exchange_id), links.unsubscribe_token(people[0])
    assert made.code is not None
    stored = links.hash_code(made.code, "its secret")
    keys.rotate(grace=0)
    assert links.token_of(made.token_id) == made.token
    assert links.code_of(made.token_id) == made.code
    assert stored in links.hashes_of_code(made.code, "its secret")
    assert join_links.current(exchange_id) == join_link is not None
    assert links.participant_of_unsubscribe(unsubscribe) == people[0]
    with transaction() as session:
        assert gate.read(session, gate.lock(session), now()).opens_at is None, "a new key ended the hold"
    queue.resume()
    assert gate.is_mail_proven()


def test_forms_that_stand_open_can_still_be_sent(app: Flask) -> None:
    following(app)
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client()
    page = browser.get("/sign-in").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    form = {"csrf_token": token, "email": "olga@example.org", "password": "mulled wine and nutmeg"}

    def answered() -> int:
        return browser.post("/sign-in", data=form, headers={"Origin": "http://localhost"}).status_code

    refused_for_the_password = answered()
    keys.rotate(grace=0)
    assert answered() == refused_for_the_password == 422
    forgetting.forget()
    assert answered() == 400


def test_forms_made_since_the_change_outlive_the_old_key(app: Flask) -> None:
    following(app)
    app.config["WTF_CSRF_ENABLED"] = True
    browser = app.test_client()
    sign_in_organizer(browser, an_organizer())

    def answered(token: str) -> int:
        form = {"csrf_token": token, "language": "de"}
        return browser.post("/language", data=form, headers={"Origin": "http://localhost"}).status_code

    def shown() -> str:
        with app.app_context():  # what a request remembers ends with it
            return csrf_token(browser.get("/account").text)

    before = shown()
    keys.rotate(grace=0)
    since = shown()
    assert (answered(before), answered(since)) == (303, 303)
    forgetting.forget()
    assert (answered(before), answered(since)) == (400, 303)


def test_forgetting_ends_what_only_the_old_key_has_made(app: Flask) -> None:
    file = following(app)
    people = a_full_life()
    exchange_id = db.session.scalars(select(Exchange.id)).first()
    assert exchange_id is not None
    join_links.replace(exchange_id)
    with pytest.raises(RuleBroken, match="no earlier key"):
        forgetting.forget()
    key_file.write(file, [b"2" * 64, FIRST])
    with pytest.raises(RuleBroken, match="still seal something"):
        forgetting.forget()
    unsubscribe = links.unsubscribe_token(people[0])
    keys.rotate(grace=0)
    with transaction():
        fresh = links.mint(TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15), participant_id=people[1])
    number = db.session.scalar(select(func.count()).select_from(MagicToken)) or 0
    done = forgetting.forget()
    assert done == forgetting.Forgotten(keys=1, magic_links=number - 1, join_links=1, pairs=6)
    assert key_file.read(file) == (b"2" * 64,)
    assert join_links.current(exchange_id) is None
    assert links.token_of(fresh.token_id) == fresh.token
    assert db.session.scalars(select(MagicToken.id).where(MagicToken.revoked_at.is_(None))).all() == [
        fresh.token_id
    ]
    assert links.participant_of_unsubscribe(links.unsubscribe_token(people[0])) == people[0]
    assert unsubscribe
    assert db.session.scalars(select(PairMemory)).all() == []
    everything_opens(people)


def test_start_with_another_key_is_refused(app: Flask) -> None:
    keys.recognise()
    keys.recognise()
    app.extensions[crypto.KEYRING] = Keyring(FIRST)
    with pytest.raises(SettingsError, match="Put that key back"):
        keys.recognise()
    app.extensions[crypto.KEYRING] = Keyring(FIRST, (settings_of(app).secret_key,))
    keys.recognise()


def test_one_rotation_at_a_time(app: Flask) -> None:
    following(app)
    with keys.one_at_a_time(), pytest.raises(RuleBroken, match="Somebody is at the keys"):
        keys.rotate(grace=0)


def test_unreadable_key_file_leaves_a_running_process_its_keys(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    file = following(app)
    before = keyring()
    file.write_text("short")
    assert keyring() is before
    assert "cannot be read" in caplog.text
    file.unlink()
    assert keyring() is before
    key_file.write(file, [b"2" * 64])
    assert keyring().current == b"2" * 64


ROTATE = """
import os, signal, sys
from sneaky.app import create_app
from sneaky.upkeep import keys

MINE = ("upkeep/keys.py", "core/key_file.py", "core/durable.py", "core/crypto.py", "matches/seals.py",
        "exchanges/personal_data.py", "conversations/threads.py", "core/db.py")
lines_left = int(sys.argv[1])
keys._AT_ONCE = 2


def count(frame, event, _value):
    global lines_left
    if not frame.f_code.co_filename.endswith(MINE):
        return None
    if event == "line":
        lines_left -= 1
        if lines_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return count


app = create_app()
with app.app_context():
    if lines_left:
        sys.settrace(count)
    keys.rotate(grace=float(sys.argv[2]))
    sys.settrace(None)
    print("lines", -lines_left)
"""


def rotating(app: Flask, lines: int, grace: float = 0.0) -> subprocess.Popen[str]:
    """Another process that rotates the key, and is killed after so many lines (0: never)."""
    here = settings_of(app)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SNEAKY_")}  # noqa: TID251
    environment = inherited | {
        "SNEAKY_DATA_DIR": str(here.data_dir),
        "SNEAKY_DATABASE_URL": here.database_url,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        [sys.executable, "-c", ROTATE, str(lines), str(grace)],
        env=environment,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.fault
def test_kill_at_any_line_loses_nothing(app: Flask) -> None:
    file = following(app)
    people = a_full_life()
    db.session.remove()
    finished = rotating(app, 10**9)
    out, errors = finished.communicate(timeout=100)
    assert finished.returncode == 0, errors
    total = 10**9 + int(out.split()[1])
    number, kills = rounds(2, 60), 0
    for place in range(1, number + 1):
        killed = rotating(app, max(1, total * place // (number + 1)))
        killed.communicate(timeout=100)
        assert killed.returncode in {0, -signal.SIGKILL}  # what goes on has less to do
        kills += killed.returncode != 0
        everything_opens(people)
        db.session.remove()
    assert kills
    keys.rotate(grace=0)
    everything_opens(people)
    assert not keys.is_anything_sealed_otherwise()
    assert list(findings()) == []
    key_file.write(file, [b"3" * 64])
    assert {finding.promise for finding in findings()} == {
        "every seal has its key",
        "every draw is valid",
    }


@on_both_in_full
@pytest.mark.timeout(rounds(120, 600))
@pytest.mark.fault
def test_nobody_fails_while_the_key_changes(any_app: Flask) -> None:
    """This process reads and seals all the while, without a restart, as a serving one does."""
    following(any_app)
    people = a_full_life()
    before, is_over, errors, turns = keyring().fingerprint, threading.Event(), list[BaseException](), [0]

    def use() -> None:
        with any_app.app_context():
            while not is_over.is_set():
                try:
                    participants.set_postal_address(people[2], ADDRESS)
                    everything_opens(people)
                except BaseException as error:  # noqa: BLE001
                    errors.append(error)
                db.session.remove()
                turns[0] += 1

    user = threading.Thread(target=use)
    user.start()
    db.session.remove()
    for _ in range(rounds(1, 10)):
        process = rotating(any_app, 0, grace=1.0)
        _out, told = process.communicate(timeout=100)
        assert process.returncode == 0, told
    seen = turns[0]
    wait_until(lambda: turns[0] > seen + 1, "a turn after the last rotation")
    is_over.set()
    user.join(30)
    assert errors == []
    assert keyring().fingerprint != before
    assert not keys.is_anything_sealed_otherwise()
