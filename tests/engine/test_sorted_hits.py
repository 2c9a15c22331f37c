"""Hits in order, of which only some are held in memory."""

from __future__ import annotations

import random

from sigma_engine.sorted_hits import SortedHits


def test_hits_beyond_what_is_held_come_in_the_same_order() -> None:
    chance = random.Random(7)
    lines = [
        ((chance.randrange(50), f"log{chance.randrange(3)}", chance.randrange(9), 0, n), f"\ud800 {n}\n")
        for n in range(2_500)
    ]
    few = SortedHits(held=300)
    for start in range(0, len(lines), 70):
        few.add(lines[start : start + 70])
    assert few.count == len(lines)
    assert list(few) == sorted(lines)
