"""Fields held against one another (`fieldref`): what no single value decides, remembered by the pair of values."""

from __future__ import annotations

from typing import Any

from sigma_engine.classifier import MAX_CACHED_LENGTH, CacheBudget
from sigma_engine.mapping import Mapping
from sigma_engine.patterns import FieldRefTest
from sigma_engine.values import ABSENT


class Reference:
    """One atom that compares two mapped fields."""

    def __init__(
        self, atom: int, left: Mapping, right: Mapping, test: FieldRefTest, budget: CacheBudget
    ) -> None:
        self.atom = atom
        self.left, self.right = left, right
        self._test = test
        self._budget = budget
        self._known: dict[tuple[str, str], bool] = {}

    def forget(self) -> None:
        """Frees what is known of pairs of values."""
        self._known.clear()

    def holds(self, event: dict[str, Any]) -> bool:
        """Whether the fields of an event stand to each other as the test wants; false when one is absent."""
        return self.compares(self.left.read(event), self.right.read(event))

    def compares(self, one: Any, other: Any) -> bool:
        """Whether two values stand to each other as the test wants."""
        if type(one) is not str or type(other) is not str:
            return one is not ABSENT and other is not ABSENT and self._test.compares(one, other)
        known = self._known.get((one, other))
        if known is None:
            known = self._test.compares(one, other)
            if len(one) + len(other) <= MAX_CACHED_LENGTH:
                self._known[one, other] = known
                self._budget.spend(200 + len(one) + len(other))
        return known
