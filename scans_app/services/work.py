"""What a woken worker does: a little of everything that waits, then ring for the rest.

Slices are short, so that an upload's catalogue and a second scan do not wait for a large one, a worker can be
stopped within seconds, and a fresh process takes over from one that has grown.
"""

from __future__ import annotations

import time

from scans_app.services.catalogue import run_next_catalogue
from scans_app.services.deletion import run_next_deletion
from scans_app.services.doorbell import ring
from scans_app.services.hit_diff import run_next_hit_diff
from scans_app.services.preparation import run_next_preparation
from scans_app.services.scanners import MemoryGuard
from scans_app.services.settling import settle_all
from scans_app.services.units import run_next_unit

SLICE_SECONDS = 2.0
KINDS = (run_next_preparation, run_next_catalogue, run_next_unit, run_next_hit_diff, run_next_deletion)

_memory = MemoryGuard()  # of this process, like what it watches


def work(seconds: float = SLICE_SECONDS) -> int:
    """Work for about `seconds`, taking turns between the kinds of work; how many pieces were worked on.

    Returns early when nothing can be claimed or the process has grown too large, and rings for what is left.
    """
    until, pieces = time.monotonic() + seconds, 0

    def may_go_on() -> bool:
        return _memory.look() and time.monotonic() < until

    while True:
        found = sum(run_next(may_go_on) for run_next in KINDS)
        pieces += found
        if not found or not may_go_on():
            break
    ring()
    return pieces


def reap() -> int:
    """End scans that nobody ended, and ring for everything that can be claimed; how many messages were sent.

    A claim takes a row whose lease ran out by itself: all that the reaper does is to wake somebody.
    """
    settle_all()
    return ring()
