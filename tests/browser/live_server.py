"""Sigmaweb as `make run` starts it, for whoever wants to look at its pages: the browser tests and the screenshots."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
READY_SECONDS = 90
END_SECONDS = 30
LINK = re.compile(r"^(http://\S+)/sign-in/link/\S+/$")


class NotReady(Exception):
    """The server did not come up; the text is what it printed."""


@dataclass(frozen=True)
class Server:
    """A running Sigmaweb: its address, and the link that its start printed."""

    address: str
    link: str
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """What a management command prints, on this server's data."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.strip()


@contextmanager
def running_server(data: Path) -> Iterator[Server]:
    """`manage.py up` with this data folder, on a free port, with one worker; with the sample case when it is new.

    Raises NotReady with what it printed when it prints no sign-in link.
    """
    environment = _environment(data)
    log = data / "up.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=PROJECT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_for_link(process, log, environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=END_SECONDS)


def _environment(data: Path) -> dict[str, str]:
    """This process's environment without what would lead to another database, broker or set of settings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    others = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    return environment | {
        "SIGMAWEB_DATA": str(data),
        "SIGMAWEB_PORT": str(port),
        "SIGMAWEB_WORKERS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _wait_for_link(process: subprocess.Popen[bytes], log: Path, environment: dict[str, str]) -> Server:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if found := LINK.match(line):
                return Server(found[1], line, environment)
        time.sleep(0.2)
    code = process.poll()
    reason = f"no sign-in link within {READY_SECONDS} s" if code is None else f"ended with code {code}"
    raise NotReady(f"manage.py up: {reason}\n{log.read_text('utf-8')[-4000:]}")
