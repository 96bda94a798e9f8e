"""Which passwords are good enough, and how they are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher, Type, extract_parameters, profiles

from sneaky.access import passwords
from sneaky.core.errors import RuleBroken


@pytest.mark.parametrize(
    "good", ["correct horse", "x7-Kp_2m!Q", "ä" * 5 + "öüß…€", "four little red hens " * 9, "        xyz 12"]
)
def test_length_is_what_counts(good: str) -> None:
    passwords.check(good)


@pytest.mark.parametrize(
    "poor",
    [
        "",
        "short",
        "123456789",
        "password123",
        "PassWord123",
        "qwertyuiop",
        "weihnachtsmann",
        "aaaaaaaaaaaa",
        "ababababababab",
        "x" * 201,
    ],
)
def test_a_password_that_is_tried_first_is_refused_beside_its_field(poor: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        passwords.check(poor)
    assert refused.value.field == "password"


def test_name_and_address_are_no_passwords() -> None:
    with pytest.raises(RuleBroken):
        passwords.check("Olga@Example.org", about=("Olga", "olga@example.org"))


def test_the_list_holds_what_would_pass_by_length() -> None:
    common = passwords._common()
    assert len(common) > 400
    assert all(len(entry) >= passwords.SHORTEST and entry == entry.casefold() for entry in common)


def test_a_hash_tells_right_from_wrong_and_is_salted() -> None:
    one, other = passwords.make_hash("correct horse"), passwords.make_hash("correct horse")
    assert one != other
    assert "correct" not in one
    assert passwords.is_right("correct horse", one)
    assert not passwords.is_right("correct hors", one)


@pytest.mark.parametrize("stored", [None, "!", ""])
def test_nothing_is_right_without_a_hash(stored: str | None) -> None:
    assert not passwords.is_right("correct horse", stored)


def test_what_is_longer_than_any_password_is_not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", None)
    assert not passwords.is_right("x" * 201, "whatever")


def test_hashes_made_here_are_argon2id_and_strong_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    made = extract_parameters(passwords.make_hash("correct horse"))
    assert made.type is Type.ID
    assert made.memory_cost >= 19 * 1024
    assert made.time_cost >= 2
    assert extract_parameters(passwords._dummy()) == made


def test_a_weaker_hash_is_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = passwords.make_hash("correct horse")
    assert not passwords.is_outdated(weak)
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY))
    assert passwords.is_outdated(weak)


@pytest.mark.parametrize(
    "hash_something",
    [lambda: passwords.make_hash("correct horse"), lambda: passwords.is_right("correct horse", None)],
)
def test_only_a_few_hashes_are_made_at_once(
    monkeypatch: pytest.MonkeyPatch, hash_something: Callable[[], object]
) -> None:
    started, may_end = threading.Semaphore(0), threading.Event()

    class Slow:
        memory_cost, time_cost, parallelism = 8, 1, 1

        def hash(self, _password: str) -> str:
            started.release()
            assert may_end.wait(10)
            return "hashed"

        def verify(self, _stored: str, _password: str) -> bool:
            return bool(self.hash(""))

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=hash_something) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert started.acquire(timeout=10)
    assert started.acquire(timeout=10)
    assert not started.acquire(timeout=0.2)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
