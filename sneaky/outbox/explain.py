"""A mail server's answer as one sentence that an organizer understands and can act on, in their language."""

from __future__ import annotations

import re
from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

# The most telling first: words, then enhanced status codes (RFC 3463), then plain reply codes (RFC 5321).
_RULES: Final = (
    (
        r"^complained: ",
        _l(
            "This person marked our letter as unwanted, so reminders and notices to this address have ended. "
            "Talk to them before you send it again."
        ),
    ),
    (
        r"suppress",
        _l(
            "The mail provider writes to this address no more, since earlier letters came back. "
            "Use another one, or take it off the provider's suppression list."
        ),
    ),
    (
        r"could not write this letter",
        _l("This letter could not be written. The fault is ours; the log says more."),
    ),
    (
        r"domain is not verified|own email address",
        _l(
            "Resend does not accept our sender address. Verify its domain there, or correct SNEAKY_MAIL_FROM."
        ),
    ),
    (
        r"^40[13] |api.key",
        _l("The mail provider does not accept our key. Correct SNEAKY_MAIL_URL, and letters go on."),
    ),
    (
        r"_quota_",
        _l("The mail provider's limit for the day or month is used up. Letters go on when it is renewed."),
    ),
    (
        r"^429 |rate.?limit",
        _l("The mail provider asked us to send more slowly. Letters go on by themselves."),
    ),
    (
        r"gr[ea]ylist",
        _l("The receiving server takes the first letter of a new sender at the second try."),
    ),
    (
        r"^53[0458] |[45]\.7\.8\b|authenticat",
        _l("The mail server does not accept our user name and password."),
    ),
    (
        r"certificate",
        _l("The mail server's certificate is not valid, so nothing was sent. Its owner has to renew it."),
    ),
    (
        r"STARTTLS|does not encrypt",
        _l("The mail server does not encrypt, so nothing was sent. Check SNEAKY_MAIL_URL, or ask its owner."),
    ),
    (
        r"^No connection|hung up while we signed in",
        _l("The mail server cannot be reached. Letters wait and go on by themselves when it is back."),
    ),
    (
        r"\b5\.2\.2\b|^552 .*(quota|full)",
        _l("This mailbox is full. Ask the person to make room, or use another address."),
    ),
    (
        r"\b4\.2\.2\b|^452 .*(quota|full)",
        _l("This mailbox is full at the moment. A later try may well work."),
    ),
    (
        r"\b5\.1\.2\b|\b5\.4\.4\b|domain (not found|does not exist)|host unknown|NXDOMAIN",
        _l("This address ends in a domain that does not exist. Check what stands after the @."),
    ),
    (
        r"\b5\.2\.1\b|disabled|inactive",
        _l("This mailbox is closed. Ask the person for another address."),
    ),
    (
        r"\b5\.[17]\.[178]\b.*sender|sender (address )?(rejected|denied|not allowed)",
        _l("The mail server does not accept our sender address. Correct SNEAKY_MAIL_FROM."),
    ),
    (
        r"spam|blocked|blacklist|blocklist|reputation|\b5\.7\.[0-9]+\b|policy",
        _l(
            "The receiving server takes this letter for unwanted mail. "
            "Tell the person, or use another address."
        ),
    ),
    (
        r"\b5\.3\.4\b|too (big|large)|size limit|^552 |^413 ",
        _l("This letter is too big for the receiving server."),
    ),
    (
        r"\b5\.1\.[136]\b|\b5\.5\.4\b|^55[013] |^501 |user unknown|unknown user|no such (user|mailbox)",
        _l("This mailbox does not exist. Check the address."),
    ),
    (
        r"cannot (carry|be addressed)|can be addressed|invalid.*\bto\b",
        _l("This address is not valid. Correct it."),
    ),
    (
        r"^bounced$",
        _l("This letter came back, and nobody said why. Check the address, or use another one."),
    ),
    (
        r"interrupted",
        _l("We stopped while this letter was on its way. It is sent again, in rare cases for a second time."),
    ),
    (
        r"^409 ",
        _l("Resend knows this letter with another content, so it was not sent. Send it again."),
    ),
    (
        r"^4(00|22) ",
        _l("The mail provider does not accept this letter. Check the address."),
    ),
    (
        r"^5\d\d .*error|^50\d\b|did not answer|hung up|broke|timed out",
        _l("The mail server had a fault. A later try may well work."),
    ),
    (
        r"^4\d\d ",
        _l("The receiving server is busy or careful right now. A later try may well work."),
    ),
    (
        r"^5\d\d ",
        _l("The receiving server refuses this letter for good. Ask the person for another address."),
    ),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), sentence) for pattern, sentence in _RULES)


def explain(error: str) -> str:
    """Say in one sentence what the server's words mean and what to do; other words come back as they are."""
    found = next((str(sentence) for pattern, sentence in _COMPILED if pattern.search(error)), "")
    return found or (str(gettext(error)) if error else "")  # gettext answers nothing with its header
