"""A scan's share of a core: after each chunk a worker rests for as long as keeps it to that."""

from __future__ import annotations

import time
from collections.abc import Callable

FULL = 100  # percent of one core: no rest
LONGEST_REST = 1.0  # seconds: a worker that rests still looks whether its scan was cancelled


class CpuShare:
    """Holds one worker process to `percent` of one core, counted from when it was made.

    `used` gives the seconds of processor time of the process, `clock` seconds that go by.
    """

    def __init__(
        self,
        percent: int,
        *,
        used: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._share = percent / FULL
        self._used, self._clock, self._rest = used, clock, rest
        self._used_before, self._began = used(), clock()

    def keep(self) -> None:
        """Rest until the processor time used so far is the share of the time that went by, or LONGEST_REST."""
        if self._share >= 1:
            return
        used, passed = self._used() - self._used_before, self._clock() - self._began
        owed = used / self._share - passed
        if owed > 0:
            self._rest(min(owed, LONGEST_REST))
