"""Python's search for garbage, paused where very many objects are made that live on: it would look at each of them
again and again, and take longer than their making."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Within it no garbage is looked for. May be nested."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def keep_for_good() -> None:
    """Takes all that there is now out of the search for garbage, until the process ends: for a process that has loaded
    its rules and now only scans. What is no longer used is still freed, but for rings that nobody broke."""
    gc.freeze()
