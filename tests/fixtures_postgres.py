"""Fixtures for tests on PostgreSQL: one server per test process, a fresh database per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server. Each xdist worker has its own, so a test that kills it disturbs nobody else's."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database that exists for this test alone."""
    if not postgres_server.is_running():  # an earlier test stopped it and failed before starting it again
        postgres_server.start()
    url = postgres_server.create_database()
    yield url
    if postgres_server.is_running():
        postgres_server.drop_database(url)
