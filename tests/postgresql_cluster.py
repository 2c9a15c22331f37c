"""A real PostgreSQL for one test run: made, started on a Unix socket, and thrown away."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 30


class NoPostgreSQL(Exception):
    """PostgreSQL's server programs are not on this machine."""


def server_programs() -> Path:
    """The folder of initdb and postgres: the newest of Debian's, else that of the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    if debian:
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NoPostgreSQL("no initdb in /usr/lib/postgresql/*/bin or on the PATH: apt-get install postgresql")


@contextlib.contextmanager
def running_cluster() -> Iterator[str]:
    """The DATABASE_URL of an empty database, for the length of the block. Raises NoPostgreSQL."""
    programs, owner = server_programs(), _unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="sigmaweb-pg-") as name:
        folder = Path(name)
        if owner is not None:
            shutil.chown(folder, owner)
        data = folder / "data"
        # Durability is of no use to a database that is thrown away, and fsync is most of its time.
        options = ["-k", name, "-c", "listen_addresses=", "-c", "fsync=off"]
        _run(
            [programs / "initdb", "-D", data, "-U", "sigmaweb", "-A", "trust", "-E", "UTF8", "--no-sync"],
            owner,
        )
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            user=owner,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_ready(programs / "pg_isready", name, server)
            yield f"postgres://sigmaweb@{urllib.parse.quote(name, safe='')}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_until_ready(pg_isready: Path, socket_folder: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run([pg_isready, "-q", "-h", socket_folder], check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start within {START_SECONDS} s")
        time.sleep(0.1)


def _run(command: list[str | Path], owner: str | None) -> None:
    done = subprocess.run(command, user=owner, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr}")


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root, so root lends it another user; None: as who we are."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
