"""Messages: the headers every letter has, and what no header may carry."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.policy import default
from email.utils import parseaddr
from types import SimpleNamespace

import pytest
from flask import Flask

from sneaky.core.errors import MailPermanent
from sneaky.outbox import message as message_module
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


HARD_WORDS = [
    "„{% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}“: In diesem Umschlag steckt dein Los",
    "Weihnachten bei Großmutter und allen Enkeln: übermorgen um 18 Uhr wird ausgepackt, größer als je zuvor",
    "All of it is plain English and longer than one line of a header may be, so that it has to be broken",
    "漢字" * 40,
    "🎁 " * 30 + "!",
    "ä b " * 40 + "ä",
    "W" * 120,
]


@pytest.mark.parametrize("words", HARD_WORDS)
def test_a_subject_arrives_as_it_was(bare_app: Flask, words: str) -> None:
    message = compose(Rendered(words, "t", "<p>t</p>"), to_email="ann@example.org", key="abc")
    sent = message.as_bytes()
    assert message_from_bytes(sent, policy=default)["Subject"] == words
    raw = message_from_bytes(sent)["Subject"]
    assert str(make_header(decode_header(raw.replace("\r\n", "")))) == words
    lines = sent.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert sent.isascii()
    assert max(map(len, lines)) <= 78 or " " not in words
    assert b"?==?" not in sent  # two encoded words need a space between them


@pytest.mark.parametrize(
    "name", ["Käthe", "Die größte Wichtelei im ganzen Landkreis, mit Übergröße", "Klaus, Inc.", ""]
)
def test_a_sender_keeps_the_name(bare_app: Flask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    sender = str(Address(name, "klaus", "example.org"))
    monkeypatch.setattr(message_module, "settings", lambda: SimpleNamespace(mail_from=sender))
    sent = compose(plain(1), to_email="ann@example.org", key="abc").as_bytes()
    read, address = parseaddr(message_from_bytes(sent)["From"].replace("\r\n", ""))
    assert (str(make_header(decode_header(read))), address) == (name, "klaus@example.org")
    assert sent.isascii()
    assert b"?==?" not in sent


def test_an_address_beyond_ascii_is_written_as_it_is(bare_app: Flask) -> None:
    sent = compose(Rendered("Grüße", "t", "<p>t</p>"), to_email="zoë@example.org", key="abc").as_bytes()
    assert "To: zoë@example.org\r\n".encode() in sent
    assert message_from_bytes(sent, policy=default.clone(utf8=True))["Subject"] == "Grüße"


def test_a_long_link_stays_a_link(bare_app: Flask) -> None:
    link = f"<https://wichteln.familie-mustermann.example/u/{'x' * 60}>"
    paper = Rendered("Hi", "t", "<p>t</p>", headers={"List-Unsubscribe": link})
    sent = compose(paper, to_email="ann@example.org", key="abc").as_bytes()
    assert f"List-Unsubscribe: {link}\r\n".encode() in sent
