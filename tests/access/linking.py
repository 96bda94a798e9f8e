"""Links for tests: asked for as in a browser, or made directly."""

from __future__ import annotations

from datetime import timedelta

from sneaky.access import magic_links
from sneaky.core.db import transaction
from sneaky.models import TokenPurpose
from sneaky.outbox import links

IP, BROWSER = "192.0.2.7", "a secret of this browser"


def a_link(
    participant_id: int | None, purpose: TokenPurpose = TokenPurpose.SIGN_IN, **options: object
) -> str:
    with transaction():
        lifetime = {} if "until" in options else {"lifetime": timedelta(minutes=15)}
        return links.mint(purpose, participant_id=participant_id, **lifetime, **options).token  # type: ignore[arg-type]


def ask(email: str = "ann@example.org", **options: object) -> None:
    magic_links.ask(email, **{"ip": IP, "browser": BROWSER} | options)  # type: ignore[arg-type]
