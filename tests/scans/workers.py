"""Real Celery workers in processes of their own, on the database and the Redis of the test."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
from django.conf import settings
from django.db import connection

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = 90  # seconds until a test gives up; nothing is measured by it


class Worker:
    """A worker with two pool processes, short leases and a reaper of one second."""

    def __init__(self, app: str, **environment: str) -> None:
        self._app, self._environment = app, worker_environment() | environment
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", self._app, "worker", "-c", "2", "-l", "WARNING"]
        options = ["--without-mingle", "--without-gossip", "--without-heartbeat"]
        return subprocess.Popen(command + options, cwd=PROJECT, env=self._environment, start_new_session=True)

    def pool(self) -> list[psutil.Process]:
        """The processes that do the work (a compiler that one of them started is not among them)."""
        return psutil.Process(self.process.pid).children()

    def kill_one(self) -> None:
        """SIGKILL a pool process; the worker starts another in its place."""
        self.pool()[0].kill()

    def kill_all(self) -> None:
        """SIGKILL the worker and all its processes at once, as a power cut does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Start it again after `kill_all`."""
        self.process = self._start()

    def stop(self) -> None:
        """End it, by force if need be."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill_all()


@contextmanager
def worker(app: str = "sigmaweb", **environment: str) -> Iterator[Worker]:
    """A running worker for the length of the block; more arguments are environment variables of its own."""
    one = Worker(app, **environment)
    try:
        yield one
    finally:
        one.stop()


def worker_environment() -> dict[str, str]:
    """The environment of a process that shares the test's database, folder, Redis and cache."""
    return os.environ | {
        "DATABASE_URL": _database_url(),
        "SIGMAWEB_DATA": str(settings.DATA_DIR),
        "SIGMAWEB_LEASE_SECONDS": "2",
        "SIGMAWEB_HEARTBEAT_SECONDS": "1",
        "SIGMAWEB_REAP_SECONDS": "1",
        "SIGMAWEB_WORKERS": "2",
        "DJANGO_SETTINGS_MODULE": "sigmaweb.settings",
    }


def _database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def wait_until(happens: Callable[[], bool]) -> None:
    """Look again and again until it happens; fails after PATIENCE."""
    until = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def put_to_sleep(process: psutil.Process) -> None:
    """Stop a process of a worker at a moment when it holds no lock on the database.

    Of SQLite it would hold it until it goes on, and nobody else could write. PostgreSQL's ends with the lease.
    """
    until = time.monotonic() + PATIENCE
    process.send_signal(signal.SIGSTOP)
    while connection.vendor == "sqlite" and not _can_be_written():
        assert time.monotonic() < until, "it always held the lock"
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)


def _can_be_written() -> bool:
    database = sqlite3.connect(str(connection.settings_dict["NAME"]), timeout=1, isolation_level=None)
    try:
        database.execute("BEGIN IMMEDIATE")
        database.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        database.close()
    return True
