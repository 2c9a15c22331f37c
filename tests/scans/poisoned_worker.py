"""A Celery app whose workers die at once on chunk 2 of any log: what a parser that crashes looks like.

Only the outer edge is changed, in the worker's own process: everything of ours runs as it is.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import sigma_engine
from sigmaweb.celery import app

__all__ = ["app"]

_scan_chunk = sigma_engine.Scanner.scan_chunk


def _dies(self: Any, file: Any, number: int, *args: Any, **more: Any) -> Any:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return _scan_chunk(self, file, number, *args, **more)


sigma_engine.Scanner.scan_chunk = _dies  # type: ignore[method-assign]
