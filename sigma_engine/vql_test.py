"""The test of Velociraptor's modifier `vql`: a lambda over a field's value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigma_engine.lambdas import FieldLambda
from sigma_engine.values import ABSENT


@dataclass(frozen=True)
class VqlTest:
    """Whether a lambda is true for a field's value; the lambda may read the whole event as `Event`.

    Needs the event, so it is asked through `asks`. `text` is the lambda's source.
    """

    text: str
    source: FieldLambda = field(compare=False)

    def asks(self, value: Any, event: dict[str, Any]) -> bool:
        """The lambda's answer; of a list, for any item. A field that the event lacks is null.

        Raises LambdaError when the lambda reaches a bound.
        """
        items = value if isinstance(value, list) and value else [None if isinstance(value, list) else value]
        return self.source.holds_for_any((None if item is ABSENT else item for item in items), event)

    def matches(self, value: Any) -> bool:
        raise TypeError("a lambda may read the whole event: call asks()")

    def describe(self) -> str:
        return self.text
