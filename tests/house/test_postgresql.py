"""The same code on PostgreSQL: everything that touches the database, run again on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgresql_cluster import NoPostgreSQL, running_cluster
from tests.settings import MARK

PROJECT = Path(__file__).resolve().parent.parent.parent
AGAIN = [
    "tests/house/test_urls.py",
    "tests/house/test_sign_in.py",
    "tests/rules",
    "tests/scans",
    "tests/scans_pages",
]


@pytest.mark.skipif(
    bool(os.environ.get("DATABASE_URL")), reason="this run is on the database of DATABASE_URL already"
)
def test_what_holds_on_sqlite_holds_on_postgresql() -> None:
    environment = {name: value for name, value in os.environ.items() if name != MARK}  # a run of its own
    try:
        with running_cluster() as url:
            again = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not browser", *AGAIN],
                cwd=PROJECT,
                env=environment | {"DATABASE_URL": url},
                capture_output=True,
                text=True,
                check=False,
            )
    except NoPostgreSQL as problem:
        pytest.skip(str(problem))
    assert again.returncode == 0, again.stdout[-6000:]
