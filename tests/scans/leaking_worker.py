"""A Celery app whose workers keep a MiB of each chunk that they match: what a leak in a parser looks like.

Only the outer edge is changed, in the worker's own process: everything of ours runs as it is.
"""

from __future__ import annotations

from typing import Any

import sigma_engine
from sigmaweb.celery import app

__all__ = ["app"]

_scan_chunk = sigma_engine.Scanner.scan_chunk
_kept: list[bytes] = []


def _leaks(self: Any, *args: Any, **more: Any) -> Any:
    _kept.append(b"x" * 1024**2)
    return _scan_chunk(self, *args, **more)


sigma_engine.Scanner.scan_chunk = _leaks  # type: ignore[method-assign]
