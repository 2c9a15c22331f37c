"""The jobs hold on PostgreSQL as they do on SQLite: the same tests, run again on a server of our own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scans.workers import PROJECT

MODULES = ("test_claims", "test_units", "test_scanning", "test_review")
WORKER_TESTS = "killed or kills_every or same_unit"


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL of this test run alone, on a port of its own; yields a DATABASE_URL."""
    programs = _programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's initdb and pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="sigmaweb-postgresql-"))
    user = _user_to_run_as()
    if user:
        shutil.chown(folder, user)
    port = _free_port()

    def run(*command: str) -> None:
        subprocess.run(command, check=True, cwd=folder, user=user or None, stdout=subprocess.DEVNULL)

    run(str(programs / "initdb"), "--pgdata", str(folder / "data"), "--auth", "trust", "--username", "tests",
        "--encoding", "UTF8", "--no-sync")  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control = (
        str(programs / "pg_ctl"),
        "--pgdata",
        str(folder / "data"),
        "--wait",
        "--log",
        str(folder / "log"),
    )
    run(*control, "--options", options, "start")
    try:
        yield f"postgres://tests@127.0.0.1:{port}/postgres"
    finally:
        run(*control, "--mode", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    """The folder of the newest server programs; Debian keeps them off the PATH."""
    if on_path := shutil.which("pg_ctl"):
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else None


def _user_to_run_as() -> str:
    """PostgreSQL does not run as root: "" for anyone else."""
    if os.geteuid() != 0:
        return ""
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return "nobody"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_again(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run tests in a process of its own, with this database."""
    with tempfile.TemporaryDirectory(prefix="sigmaweb-test-") as data:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=PROJECT,
            env=os.environ | {"DATABASE_URL": url, "SIGMAWEB_DATA": data},
            capture_output=True,
            text=True,
        )


def test_the_services_hold_on_postgresql(postgresql_url):
    done = run_again(postgresql_url, *(f"tests/scans/{module}.py" for module in MODULES))
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


@pytest.mark.kill
def test_killed_workers_cost_no_hit_on_postgresql(postgresql_url):
    done = run_again(postgresql_url, "tests/scans/test_workers.py", "-k", WORKER_TESTS)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
