"""PostgreSQL as people run it: restarted under us, and with processes that freeze in a transaction."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from sneaky.core.db import brief_transaction, db, transaction
from tests.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("any_app", ["postgresql"], indirect=True)]
_TIMEOUT = text("SHOW idle_in_transaction_session_timeout")


def test_a_restarted_server_is_noticed_before_anybody_sees_an_error(
    any_app: Flask, postgres_server: PostgresServer
) -> None:
    before = db.session.scalar(text("SELECT pg_backend_pid()"))
    db.session.remove()
    postgres_server.restart()
    assert db.session.scalar(text("SELECT pg_backend_pid()")) != before
    db.session.remove()


def test_transactions_of_a_process_that_stands_still_end_by_themselves(any_app: Flask) -> None:
    assert db.session.scalar(_TIMEOUT) == "30s"
    with transaction() as session:
        assert session.scalar(_TIMEOUT) == "30s"
    with brief_transaction() as session:
        assert session.scalar(_TIMEOUT) == "4s"
    assert db.session.scalar(_TIMEOUT) == "30s"
