"""What the environment says: every variable that Sigmaweb reads is read here and nowhere else.

Settings and the supervisor take their values from `read_environment`, so a variable has one name, one
default and one sentence when it is wrong.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


class EnvironmentProblem(Exception):
    """A setting or the machine stands in the way of a start; the text is one sentence for whoever starts it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one installation, as given by its environment variables."""

    host: str
    port: int
    data: Path
    workers: int
    worker_memory: int  # MiB resident, over which a worker process ends at its next checkpoint
    database_url: str
    redis_url: str  # as redis-py writes it: redis://.. or unix://..
    redis_embedded: bool  # no REDIS_URL was given: `up` starts a Redis of its own on `redis_socket`
    redis_socket: Path
    allowed_hosts: tuple[str, ...]
    tls: bool
    lease_seconds: int  # how long a unit stays with a worker that no longer gives a sign of life
    heartbeat_seconds: int
    reap_seconds: int

    @property
    def broker_url(self) -> str:
        """The same Redis as Celery writes it: a Unix socket is redis+socket:// there."""
        if self.redis_url.startswith("unix://"):
            return "redis+socket://" + self.redis_url.removeprefix("unix://")
        return self.redis_url


def read_environment() -> Environment:
    """The installation's settings; raises EnvironmentProblem for a value that cannot be meant."""
    data = Path(os.environ.get("SIGMAWEB_DATA") or PROJECT / "var").expanduser().resolve()
    redis_url = os.environ.get("REDIS_URL", "")
    socket = _socket_folder(data) / "redis.sock"
    host = os.environ.get("SIGMAWEB_HOST") or "127.0.0.1"
    return Environment(
        host=host,
        port=_number("SIGMAWEB_PORT", 8000, 1, 65535),
        data=data,
        workers=_number("SIGMAWEB_WORKERS", _usable_cores(), 1, 256),
        worker_memory=_number("SIGMAWEB_WORKER_MEMORY", 400, 64, 65536),
        database_url=os.environ.get("DATABASE_URL", ""),
        redis_url=redis_url or f"unix://{socket}",
        redis_embedded=not redis_url,
        redis_socket=socket,
        allowed_hosts=_hosts(host),
        tls=os.environ.get("SIGMAWEB_TLS", "") == "1",
        lease_seconds=_number("SIGMAWEB_LEASE_SECONDS", 30, 1, 3600),
        heartbeat_seconds=_number("SIGMAWEB_HEARTBEAT_SECONDS", 10, 1, 3600),
        reap_seconds=_number("SIGMAWEB_REAP_SECONDS", 10, 1, 3600),
    )


def secret_key(data: Path) -> str:
    """The key that signs sessions: SIGMAWEB_SECRET_KEY, or a file of mode 0600 that the first start writes."""
    if given := os.environ.get("SIGMAWEB_SECRET_KEY"):
        return given
    path = data / "secret_key"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)  # it will hold evidence
        if not path.exists():
            _write_new_key(path)
        return path.read_text().strip()
    except OSError as problem:
        raise EnvironmentProblem(
            f"The data folder {data} cannot be written ({problem.strerror}): "
            "set SIGMAWEB_DATA to a folder that this user may write."
        ) from problem


def _write_new_key(path: Path) -> None:
    # Written aside and linked, so that two processes starting together read one and the same key.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(64))
    try:
        os.link(name, path)
    except FileExistsError:
        pass  # the other process was first, and its key is as good
    finally:
        Path(name).unlink()


def _socket_folder(data: Path) -> Path:
    # A Unix socket's path may hold about 100 characters and a data folder's may be longer, so the socket
    # has a short folder of its own that every process of this installation finds again.
    mark = hashlib.sha256(str(data).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"sigmaweb-{os.getuid()}-{mark}"


def _hosts(host: str) -> tuple[str, ...]:
    given = os.environ.get("SIGMAWEB_ALLOWED_HOSTS", "")
    names = [name.strip() for name in given.split(",") if name.strip()]
    return tuple(dict.fromkeys([*names, host, "127.0.0.1", "localhost", "[::1]"]))


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        return os.cpu_count() or 1


def _number(name: str, default: int, lowest: int, highest: int) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
        raise EnvironmentProblem(f"{name} is {text!r}: give a whole number from {lowest} to {highest}.")
    return int(text)
