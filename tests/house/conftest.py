"""The run on PostgreSQL begins when a session begins, beside it: two cores are there, and it takes minutes."""

from __future__ import annotations

import os

import pytest

from tests.house.postgresql_run import PostgreSQLRun
from tests.postgresql_cluster import NoPostgreSQL

RUN = pytest.StashKey[PostgreSQLRun | NoPostgreSQL]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start it, if this session will ask for its result."""
    is_asked = any("postgresql_run" in getattr(item, "fixturenames", ()) for item in session.items)
    if not is_asked or session.config.option.collectonly or os.environ.get("DATABASE_URL"):
        return
    try:
        session.config.stash[RUN] = PostgreSQLRun()
    except NoPostgreSQL as problem:
        session.config.stash[RUN] = problem


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it, also when the session was cut short."""
    run = config.stash.get(RUN, None)
    if isinstance(run, PostgreSQLRun):
        run.end()


@pytest.fixture
def postgresql_run(request: pytest.FixtureRequest) -> PostgreSQLRun:
    """The run that goes on beside this session; skips where there is no PostgreSQL."""
    run = request.config.stash[RUN]
    if isinstance(run, NoPostgreSQL):
        pytest.skip(str(run))
    return run
