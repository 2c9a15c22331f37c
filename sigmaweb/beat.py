"""The clock of the house: Celery's scheduler, which also tells the health page that it is alive."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from celery.beat import PersistentScheduler
from django.conf import settings

SEEN_KEY = "sigmaweb:beat-seen"
SEEN_SECONDS = 60  # a clock not seen for this long counts as down

logger = logging.getLogger(__name__)


class SeenScheduler(PersistentScheduler):
    """Celery's own scheduler; each tick leaves a mark in Redis that fades after `SEEN_SECONDS`."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        seconds_to_next: float = super().tick(*args, **kwargs)
        try:
            self._redis().set(SEEN_KEY, int(time.time()), ex=SEEN_SECONDS)
        except redis.RedisError as problem:
            # The health page will say that the clock is not seen; the clock itself goes on.
            logger.warning("the mark of the clock could not be written: %s", problem)
        return seconds_to_next

    def _redis(self) -> redis.Redis:
        if not hasattr(self, "_mark"):
            self._mark = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2)
        return self._mark
