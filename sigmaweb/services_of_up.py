"""What `manage.py up` runs: web, worker, beat and, where nobody gave a Redis, that too."""

from __future__ import annotations

import sys

from sigmaweb.embedded_redis import redis_command
from sigmaweb.environment import PROJECT, Environment
from sigmaweb.supervisor import Service

# Celery warns of root because pickled messages could run code; ours are JSON, and containers run as root.
NO_WARNING_OF_ROOT = "ignore:You're running the worker with superuser privileges"
WEB_PROCESSES = 2
WEB_THREADS = 8


def redis_service(environment: Environment) -> Service:
    """The embedded Redis. It ends last: the others talk to it until they are gone."""
    return Service("redis", redis_command(environment), last=True)


def web_service(environment: Environment) -> Service:
    """The web server: threads, because an upload of gigabytes holds one for minutes."""
    return Service(
        "web",
        [
            *(sys.executable, "-m", "gunicorn", "sigmaweb.wsgi:application"),
            *("--bind", bind_address(environment)),
            *("--chdir", str(PROJECT)),
            *("--worker-class", "gthread", "--workers", str(WEB_PROCESSES), "--threads", str(WEB_THREADS)),
            *("--timeout", "120", "--graceful-timeout", "2", "--keep-alive", "5"),
            *("--no-control-socket", "--log-level", "warning"),
        ],
    )


def worker_service(environment: Environment) -> Service:
    """The Celery worker. SIGTERM means a quick end here: what a unit had not checkpointed is done again."""
    return Service(
        "worker",
        [
            *(
                sys.executable,
                "-m",
                "celery",
                "--quiet",
                "--workdir",
                str(PROJECT),
                "--app",
                "sigmaweb",
                "worker",
            ),
            *("--concurrency", str(environment.workers), "--loglevel", "INFO"),
            *("--without-mingle", "--without-gossip"),
        ],
        {"REMAP_SIGTERM": "SIGQUIT", "PYTHONWARNINGS": NO_WARNING_OF_ROOT},
    )


def beat_service() -> Service:
    """The clock that rings for the reaper."""
    return Service(
        "beat",
        [
            *(
                sys.executable,
                "-m",
                "celery",
                "--quiet",
                "--workdir",
                str(PROJECT),
                "--app",
                "sigmaweb",
                "beat",
            ),
            *("--loglevel", "WARNING", "--pidfile="),
        ],
    )


def bind_address(environment: Environment) -> str:
    """host:port as a server writes it, an IPv6 address in brackets."""
    host = f"[{environment.host}]" if ":" in environment.host else environment.host
    return f"{host}:{environment.port}"


def browser_address(environment: Environment) -> str:
    """http://host:port as a browser on this machine reaches it."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  (compared with, not bound)
    host = everywhere.get(environment.host) or bind_address(environment).rpartition(":")[0]
    return f"http://{host}:{environment.port}"
