"""PostgreSQL as people run it: restarted under us, and with processes that freeze in a transaction."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, text

from sneaky.core.db import brief_transaction, db, engine_options, transaction
from sneaky.scheduler import own_engine
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


def test_what_the_address_asks_of_the_server_counts_beside_our_own(any_app: Flask) -> None:
    ours = make_url(any_app.config["SQLALCHEMY_DATABASE_URI"])
    asked = ours.update_query_dict({"options": "-c search_path=klaus"}).render_as_string(hide_password=False)
    of_the_app, of_the_clock = create_engine(asked, **engine_options(asked)), own_engine(asked)
    for engine, cut_off_after in ((of_the_app, "30s"), (of_the_clock, "4s")):
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW search_path")) == "klaus"
            assert connection.scalar(_TIMEOUT) == cut_off_after
        engine.dispose()


def test_transactions_of_a_process_that_stands_still_end_by_themselves(any_app: Flask) -> None:
    assert db.session.scalar(_TIMEOUT) == "30s"
    with transaction() as session:
        assert session.scalar(_TIMEOUT) == "30s"
    with brief_transaction() as session:
        assert session.scalar(_TIMEOUT) == "4s"
    assert db.session.scalar(_TIMEOUT) == "30s"
