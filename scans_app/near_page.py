"""What the page of a rule's near misses shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from rules_app.models import RuleVersion
from scans_app.models import Case, Evidence, NearSearch
from scans_app.services.near_misses import NotSearchable, source_events
from sigma_engine import FailedClause, HeldValue

VALUES_SHOWN = 8  # of a clause
CLAUSES_SHOWN = 50
EVENTS_A_SECOND = 40_000  # that the search looks at, as measured by `bench near`; for the estimate alone


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value that was there instead, and where: the first event that held it."""

    text: str | None
    held: HeldValue

    @property
    def place(self) -> list[int]:
        """[evidence, chunk, position] of that event."""
        return self.held.examples[0]


@dataclass(frozen=True, slots=True)
class ShownClause:
    """A clause that failed."""

    clause: FailedClause

    @property
    def values(self) -> list[ShownValue]:
        """Its values of most events."""
        return [ShownValue(text, held) for text, held in self.clause.frequent()[:VALUES_SHOWN]]

    @property
    def more(self) -> int:
        """How many events held other values."""
        return self.clause.events - sum(value.held.events for value in self.values)

    @property
    def may_widen(self) -> bool:
        """Whether one more value could make the rule match: not where the clause was true, as a filter's is."""
        return not self.clause.truth


class NearPage:
    """The newest search with a version over a case, or what one would cost."""

    def __init__(self, case: Case, version: RuleVersion, search: NearSearch | None) -> None:
        self.case, self.version, self.search = case, version, search

    @cached_property
    def problem(self) -> str:
        """Why no search is possible; "" when one is."""
        return self._cost[1]

    @property
    def events(self) -> int:
        """How many events of the rule's log source the case holds."""
        return self._cost[0]

    @property
    def seconds(self) -> float:
        """About how long a search takes."""
        return min(self.events, NearSearch.SAMPLE) / EVENTS_A_SECOND

    @property
    def sample(self) -> int:
        """After how many events of the log source a search stops."""
        return NearSearch.SAMPLE

    @cached_property
    def clauses(self) -> list[ShownClause]:
        """What failed, by the number of events."""
        found = self.search.clauses if self.search else []
        return [ShownClause(FailedClause.from_dict(data)) for data in found[:CLAUSES_SHOWN]]

    @cached_property
    def _cost(self) -> tuple[int, str]:
        files = list(Evidence.objects.of_case(self.case).catalogued())
        try:
            return source_events(files, self.version), ""
        except NotSearchable as problem:
            return 0, str(problem)
