"""Messages: the headers every letter has, and what no header may carry."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest
from flask import Flask

from sneaky.core.errors import MailPermanent
from sneaky.outbox.message import Rendered, compose, letter_key
from tests.outbox.letters import plain


def test_headers_tell_machines_that_this_is_one(bare_app: Flask) -> None:
    message = compose(plain(1), to_email="ann@example.org", key="abc")
    assert message["From"] == "Sneaky Klaus <klaus@example.org>"
    assert message["To"] == "ann@example.org"
    assert message["Message-ID"] == "<abc@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] is not None
    assert message["Reply-To"] is None


def test_key_is_the_same_at_every_try_and_for_this_letter_only(bare_app: Flask) -> None:
    key = letter_key(1, "ann@example.org", "2026-12-01")
    assert key == letter_key(1, "ann@example.org", "2026-12-01")
    others = {
        letter_key(2, "ann@example.org", "2026-12-01"),
        letter_key(1, "bob@example.org", "2026-12-01"),
        letter_key(1, "ann@example.org", "2026-12-02"),
    }
    assert len(others | {key}) == 4


@pytest.mark.parametrize(
    "hostile", ["Hi\r\nBcc: eve@example.org", "Hi\nBcc: eve@example.org", "Hi\x00\x0b\u2028!"]
)
def test_subject_cannot_add_a_header(bare_app: Flask, hostile: str) -> None:
    message = compose(Rendered(hostile, "t", "<p>t</p>"), to_email="ann@example.org", key="abc")
    again = message_from_bytes(message.as_bytes(), policy=default)
    assert again["Bcc"] is None
    assert "\n" not in again["Subject"]


def test_header_of_our_own_refuses_line_breaks(bare_app: Flask) -> None:
    paper = Rendered("Hi", "t", "<p>t</p>", headers={"List-Unsubscribe": "<x>\r\nBcc: eve@example.org"})
    with pytest.raises(ValueError, match="linefeed or carriage return"):
        compose(paper, to_email="ann@example.org", key="abc")


@pytest.mark.parametrize("address", ["ann@example.org\r\nBcc: eve@example.org", "@", "ann", "a@" + "x" * 70])
def test_address_that_no_letter_can_carry_is_refused_for_good(bare_app: Flask, address: str) -> None:
    with pytest.raises(MailPermanent):
        compose(plain(1), to_email=address, key="abc")


def test_domain_is_written_in_ascii(bare_app: Flask) -> None:
    assert compose(plain(1), to_email="ann@münchen.example", key="a")["To"] == "ann@xn--mnchen-3ya.example"


def test_everything_travels_in_seven_bits(bare_app: Flask) -> None:
    paper = Rendered("Grüße 🎁", "Grüße 🎁 " * 300, "<p>Grüße 🎁</p>" * 300)
    message = compose(paper, to_email="ann@example.org", key="abc").as_bytes()
    assert message.isascii()
    assert max(map(len, message.splitlines())) <= 998
    again = message_from_bytes(message, policy=default)
    assert again["Subject"] == paper.subject
    for kind, content in (("plain", paper.text), ("html", paper.html)):
        body = again.get_body((kind,))
        assert body is not None
        assert body.get_content().strip() == content.strip()
