"""A second test run, in a process of its own, on a PostgreSQL of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.postgresql_cluster import running_cluster
from tests.settings import MARK

PROJECT = Path(__file__).resolve().parent.parent.parent
AGAIN = [
    "tests/house/test_urls.py",
    "tests/house/test_sign_in.py",
    "tests/rules",
    "tests/scans",
    "tests/scans_pages",
]


class PostgreSQLRun:
    """Starts at once. Raises NoPostgreSQL when the server's programs are missing."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        url = self._stack.enter_context(running_cluster())
        self._output = self._stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 - the stack closes it
        environment = {name: value for name, value in os.environ.items() if name != MARK}  # a run of its own
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not browser", *AGAIN],
            cwd=PROJECT,
            env=environment | {"DATABASE_URL": url},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def result(self) -> tuple[int, str]:
        """Waits for its end: (exit code, what it printed)."""
        code = self._process.wait()
        self._output.seek(0)
        return code, self._output.read()

    def end(self) -> None:
        """Ends the run, if it still goes on, and its server."""
        self._process.terminate()
        self._process.wait()
        self._stack.close()
