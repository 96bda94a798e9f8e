"""Explanations: the server's words, and what an organizer reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from sneaky.outbox.explain import _RULES, explain


@pytest.fixture(scope="module")
def english() -> Iterator[None]:
    """Somebody who reads English."""
    app = Flask("english")
    Babel(app)
    with app.app_context():
        yield


@pytest.mark.parametrize(
    ("error", "part"),
    [
        ("550 5.1.1 User unknown", "This mailbox does not exist. Check the address."),
        ("550 Requested action not taken: mailbox unavailable", "does not exist"),
        ("550 No such user here", "does not exist"),
        ("501 5.1.3 Bad recipient address syntax", "does not exist"),
        ("550 5.1.2 Domain not found", "after the @"),
        ("550 5.4.4 Unable to route: NXDOMAIN", "after the @"),
        ("552 5.2.2 Over quota", "is full. Ask"),
        ("552 Mailbox full", "is full. Ask"),
        ("452 4.2.2 Mailbox full", "full at the moment"),
        ("550 5.2.1 Account disabled", "closed"),
        ("552 5.3.4 Message size exceeds fixed limit", "too big"),
        ("554 5.7.1 Looks like spam", "unwanted"),
        ("550 5.7.26 DMARC policy", "unwanted"),
        ("550 Blocked by Spamhaus", "unwanted"),
        ("553 5.7.1 Sender address rejected: not owned by user", "SNEAKY_MAIL_FROM"),
        ("450 4.2.0 Greylisted, try again", "at the second try"),
        ("421 4.3.2 Too busy, good-bye", "busy or careful"),
        ("451 4.3.0 Try again later", "busy or careful"),
        ("535 5.7.8 Authentication credentials invalid", "user name and password"),
        ("530 5.7.0 Authentication required", "user name and password"),
        ("554 Transaction failed", "refuses this letter for good"),
        ("500 application_error Internal", "had a fault"),
        ("502", "had a fault"),
        ("The mail server hung up: Connection unexpectedly closed", "had a fault"),
        ("Resend did not answer: Read timed out", "had a fault"),
        ("No connection to mail.example.org:587: [Errno 111] Connection refused", "cannot be reached"),
        ("mail.example.org does not encrypt (STARTTLS), so nothing was sent.", "does not encrypt"),
        ("The certificate of mail.example.org is not valid: expired", "certificate"),
        ("401 missing_api_key Missing API key", "our key"),
        ("403 invalid_api_key API key is invalid", "our key"),
        ("403 validation_error The example.org domain is not verified", "Verify its domain"),
        ("422 invalid_parameter Invalid `to` field", "not valid"),
        ("409 invalid_idempotent_request", "another content"),
        ("429 rate_limit_exceeded Too many requests", "more slowly"),
        ("429 daily_quota_exceeded You have reached your quota", "used up"),
        ("The sender was interrupted while it had this letter.", "sent again"),
        ("No letter can be addressed to this: a part of the address is missing", "not valid"),
        ("The mail server cannot carry an address with such letters.", "not valid"),
        ("We could not write this letter (KeyError).", "The fault is ours"),
        ("complained: the reader marked this letter as unwanted", "Talk to them"),
        ("The address is on the suppression list", "suppression list"),
        ("OnAccountSuppressionList", "suppression list"),
        ("bounced", "nobody said why"),
    ],
)
def test_server_words_become_useful_sentences(english: None, error: str, part: str) -> None:
    sentence = explain(error)
    assert part in sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize("ours", ["They do not want reminders.", "", "The exchange goes on."])
def test_our_own_words_stay(english: None, ours: str) -> None:
    assert explain(ours) == ours


def test_every_explanation_speaks_german(app: Flask) -> None:
    with force_locale("en"):
        english = [str(sentence) for _pattern, sentence in _RULES]
    with force_locale("de"):
        german = [str(sentence) for _pattern, sentence in _RULES]
        assert explain("550 5.1.1 User unknown") == "Dieses Postfach gibt es nicht. Prüfe die Adresse."
    assert not set(english) & set(german)
