"""What is up: the database, Redis, the workers, the clock; and what works but should be mended."""

from __future__ import annotations

import sqlite3
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from sigmaweb.beat import SEEN_KEY
from sigmaweb.celery import app

PING_SECONDS = 0.5
# Before 3.51.3 a WAL reset by one process while another writes can lose a page, rarely.
SOUND_SQLITE = (3, 51, 3)


def health() -> dict[str, Any]:
    """`status` is "up" when every part is; each part is "up" or a sentence that says what is wrong."""
    parts = {"database": _database(), "redis": _redis()}
    if parts["redis"] == "up":
        parts |= {"workers": _workers(), "beat": _beat()}
    else:
        parts |= {"workers": "not asked: Redis is down", "beat": "not asked: Redis is down"}
    status = "up" if all(state == "up" for state in parts.values()) else "degraded"
    return {"status": status, **parts, "warnings": _warnings()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as problem:
        return f"does not answer: {type(problem).__name__}"
    return "up"


def _redis() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as problem:
        return f"does not answer: {type(problem).__name__}"
    return "up"


def _workers() -> str:
    # The first answer is enough: with limit=1 a healthy house answers in milliseconds.
    answers = app.control.ping(timeout=PING_SECONDS, limit=1)
    return "up" if answers else f"no worker answered within {PING_SECONDS} s"


def _beat() -> str:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2) as client:
        return "up" if client.exists(SEEN_KEY) else "not seen for a minute"


def _warnings() -> list[str]:
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < SOUND_SQLITE:
        sound = ".".join(map(str, SOUND_SQLITE))
        return [
            f"SQLite {sqlite3.sqlite_version} is older than {sound}, which mends a rare fault of its write-ahead log: "
            "keep backups, or use PostgreSQL (DATABASE_URL)."
        ]
    return []
