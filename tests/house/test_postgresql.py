"""The same code on PostgreSQL: everything that touches the database, run again on a real server."""

from __future__ import annotations

import os

import pytest

from tests.house.postgresql_run import PostgreSQLRun


@pytest.mark.skipif(
    bool(os.environ.get("DATABASE_URL")), reason="this run is on the database of DATABASE_URL already"
)
def test_what_holds_on_sqlite_holds_on_postgresql(postgresql_run: PostgreSQLRun) -> None:
    code, output = postgresql_run.result()
    assert code == 0, output[-6000:]
