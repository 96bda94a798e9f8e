"""A mail server's answer as one sentence that an organizer understands and can act on."""

from __future__ import annotations

import re
from typing import Final

# The most telling first: words, then enhanced status codes (RFC 3463), then plain reply codes (RFC 5321).
_RULES: Final[tuple[tuple[str, str], ...]] = (
    (
        r"domain is not verified|own email address",
        "Resend does not accept our sender address. Verify its domain there, or correct SNEAKY_MAIL_FROM.",
    ),
    (
        r"^40[13] |api.key",
        "The mail provider does not accept our key. Correct SNEAKY_MAIL_URL, and letters go on.",
    ),
    (
        r"_quota_",
        "The mail provider's limit for the day or month is used up. Letters go on when it is renewed.",
    ),
    (r"^429 |rate.?limit", "The mail provider asked us to send more slowly. Letters go on by themselves."),
    (
        r"gr[ea]ylist",
        "The receiving server takes the first letter of a new sender at the second try. We try again.",
    ),
    (r"^53[0458] |[45]\.7\.8\b|authenticat", "The mail server does not accept our user name and password."),
    (
        r"certificate",
        "The mail server's certificate is not valid, so nothing was sent. Its owner has to renew it.",
    ),
    (
        r"STARTTLS|does not encrypt",
        "The mail server does not encrypt, so nothing was sent. Check SNEAKY_MAIL_URL, or ask its owner.",
    ),
    (
        r"^No connection|hung up while we signed in",
        "The mail server cannot be reached. Letters wait and go on by themselves when it is back.",
    ),
    (
        r"\b5\.2\.2\b|^552 .*(quota|full)",
        "This mailbox is full. Ask the person to make room, or use another address.",
    ),
    (r"\b4\.2\.2\b|^452 .*(quota|full)", "This mailbox is full at the moment. We try again by ourselves."),
    (
        r"\b5\.1\.2\b|\b5\.4\.4\b|domain (not found|does not exist)|host unknown|NXDOMAIN",
        "This address ends in a domain that does not exist. Check what stands after the @.",
    ),
    (
        r"\b5\.2\.1\b|disabled|inactive",
        "This mailbox is closed. Ask the person for another address.",
    ),
    (
        r"\b5\.[17]\.[178]\b.*sender|sender (address )?(rejected|denied|not allowed)",
        "The mail server does not accept our sender address. Correct SNEAKY_MAIL_FROM.",
    ),
    (
        r"spam|blocked|blacklist|blocklist|reputation|\b5\.7\.[0-9]+\b|policy",
        "The receiving server takes this letter for unwanted mail. Tell the person, or use another address.",
    ),
    (
        r"\b5\.3\.4\b|too (big|large)|size limit|^552 |^413 ",
        "This letter is too big for the receiving server.",
    ),
    (
        r"\b5\.1\.[136]\b|\b5\.5\.4\b|^55[013] |^501 |user unknown|unknown user|no such (user|mailbox)",
        "This mailbox does not exist. Check the address.",
    ),
    (
        r"cannot (carry|be addressed)|can be addressed|invalid.*\bto\b",
        "This address is not valid. Correct it.",
    ),
    (
        r"interrupted",
        "We stopped while this letter was on its way. It is sent again, in rare cases for a second time.",
    ),
    (r"^409 ", "Resend knows this letter with another content, so it was not sent. Send it again."),
    (r"^4(00|22) ", "The mail provider does not accept this letter. Check the address."),
    (
        r"^5\d\d .*error|^50\d\b|did not answer|hung up|broke|timed out",
        "The mail server had a fault. We try again by ourselves.",
    ),
    (r"^4\d\d ", "The receiving server is busy or careful at the moment. We try again by ourselves."),
    (r"^5\d\d ", "The receiving server refuses this letter for good. Ask the person for another address."),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), sentence) for pattern, sentence in _RULES)


def explain(error: str) -> str:
    """Say in one sentence what the server's words mean and what to do; other words come back as they are."""
    return next((sentence for pattern, sentence in _COMPILED if pattern.search(error)), error)
