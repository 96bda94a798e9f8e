"""Fixtures for tests on PostgreSQL: one server per test process, a fresh database per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sneaky.core.schema import upgrade
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


@pytest.fixture(scope="session")
def postgres_at_head(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database at head, made once; a copy of it is there much faster."""
    url = postgres_server.create_database()
    upgrade(url, tmp_path_factory.mktemp("at-head"))
    return url.rpartition("/")[2]


@pytest.fixture
def postgres_copy(postgres_server: PostgresServer, postgres_at_head: str) -> Iterator[str]:
    """The address of a database at head that exists for this test alone."""
    yield from _database(postgres_server, template=postgres_at_head)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database that exists for this test alone."""
    yield from _database(postgres_server, template="template1")


def _database(server: PostgresServer, *, template: str) -> Iterator[str]:
    if not server.is_running():  # an earlier test stopped it and failed before starting it again
        server.start()
    url = server.create_database(template=template)
    yield url
    if server.is_running():
        server.drop_database(url)
