"""References between rules, resolved: which correlations run in what order, what they need, and who stays silent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sigma_engine.correlation_parts import Plan, Reference
from sigma_engine.findings import Finding, Severity
from sigma_engine.rule import AnyRule, Correlation, Filter, Rule


@dataclass(frozen=True)
class Correlations:
    """The correlations of a set. `plans` come after those that they refer to.

    `member_fields` names, for each rule whose matches are members, the fields to keep of them. Matches of
    `silent_matches` and correlation hits of `silent_hits` are members only and no hits of their own.
    """

    plans: tuple[Plan, ...] = ()
    member_fields: dict[int, tuple[str, ...]] = field(default_factory=dict)
    silent_matches: frozenset[int] = frozenset()
    silent_hits: frozenset[int] = frozenset()


@dataclass
class Planned:
    """What planning gave: the correlations, the log sources that each runs on, and those left out."""

    correlations: Correlations
    served: dict[int, tuple[str, ...]]
    left_out: list[tuple[int, Finding]]


def needed_rules(rules: Sequence[AnyRule], chosen: Sequence[int]) -> list[int]:
    """The rules beside `chosen` that these need: every filter, and what the correlations refer to, all the way."""
    named = _by_name(rules)
    needed: dict[int, None] = {}
    waiting = list(chosen)
    while waiting:
        rule = rules[waiting.pop()]
        for name in rule.rules if isinstance(rule, Correlation) else ():
            found = named.get(name)
            if found is not None and found not in needed:
                needed[found] = None
                waiting.append(found)
    filters = [index for index, rule in enumerate(rules) if isinstance(rule, Filter)]
    return sorted({*needed, *filters} - set(chosen))


def _by_name(rules: Sequence[AnyRule]) -> dict[str, int]:
    """The rule that each id and name refers to: of several the first, and never a filter."""
    named: dict[str, int] = {}
    for index, rule in enumerate(rules):
        for name in (rule.id, rule.name):
            if name and not isinstance(rule, Filter):
                named.setdefault(name, index)
    return named


def plan_correlations(
    rules: Sequence[AnyRule], served: dict[int, tuple[str, ...]], quiet: Collection[int] = ()
) -> Planned:
    """Plans every correlation and legacy aggregation of a set, given the detection rules that are served.

    `quiet` rules are only there for others to refer to: they stay silent.
    """
    planner = _Planner(rules, served, quiet)
    for index, rule in enumerate(rules):
        if isinstance(rule, Correlation):
            planner.visit(index, ())
    return planner.planned()


class _Planner:
    def __init__(
        self, rules: Sequence[AnyRule], served: dict[int, tuple[str, ...]], quiet: Collection[int]
    ) -> None:
        self._rules = rules
        self._quiet = frozenset(quiet)
        self._served = served
        self._named = _by_name(rules)
        self._plans: dict[int, Plan] = {
            index: Plan(index, (Reference(index, (rule.id, rule.name)),), rule.aggregation)
            for index, rule in enumerate(rules)
            if isinstance(rule, Rule) and rule.aggregation is not None and index in served
        }
        self._faults: dict[int, Finding] = {}

    def visit(self, index: int, above: tuple[int, ...]) -> bool:
        """Plans one correlation and those below it; False when it cannot run."""
        if index in self._plans or index in self._faults:
            return index in self._plans
        rule = self._rules[index]
        assert isinstance(rule, Correlation)
        references = []
        for name in rule.rules:
            found, problem = self._resolve(name, (*above, index))
            if found is None:
                self._faults[index] = self._finding(rule, problem)
                return False
            target = self._rules[found]
            references.append(Reference(found, tuple(n for n in (name, target.id, target.name) if n)))
        self._plans[index] = Plan(index, tuple(references), rule.window)
        return True

    def _resolve(self, name: str, above: tuple[int, ...]) -> tuple[int | None, str]:
        found = self._named.get(name)
        if found is None:
            return None, f"The correlation refers to `{name}`, and no rule here has that id or name."
        if found in above:
            return None, f"The correlation refers to itself by way of `{name}`."
        is_correlation = isinstance(self._rules[found], Correlation)
        runs = self.visit(found, above) if is_correlation else found in self._served
        return (found, "") if runs else (None, f"The correlation refers to `{name}`, which does not run.")

    def _finding(self, rule: Correlation, problem: str) -> Finding:
        hint = "Choose the rule it refers to as well, or correct the name."
        return Finding("correlation_reference", Severity.ERROR, problem, hint, rule.line, rule.column)

    def planned(self) -> Planned:
        """Everything together, plans in an order in which each follows those it refers to."""
        return Planned(
            Correlations(
                tuple(self._plans.values()),
                self._member_fields(),
                *self._silent(),
            ),
            {index: self._sources(index) for index in self._plans},
            list(self._faults.items()),
        )

    def _base_rules(self, index: int) -> set[int]:
        """The detection rules whose matches are members of a correlation in the end."""
        base = set()
        for reference in self._plans[index].references:
            below = reference.index != index and reference.index in self._plans
            base |= self._base_rules(reference.index) if below else {reference.index}
        return base

    def _sources(self, index: int) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(name for base in sorted(self._base_rules(index)) for name in self._served[base])
        )

    def _member_fields(self) -> dict[int, tuple[str, ...]]:
        fields: dict[int, set[str]] = {}
        for index, plan in self._plans.items():
            for base in self._base_rules(index):
                fields.setdefault(base, set()).update(plan.window.field_names())
        return {base: tuple(sorted(names)) for base, names in fields.items()}

    def _silent(self) -> tuple[frozenset[int], frozenset[int]]:
        """A reference that does not generate silences the rule, whatever others do (as pySigma and Hayabusa)."""
        referred = {
            reference.index
            for index, plan in self._plans.items()
            if not self._rules[index].generate
            for reference in plan.references
            if reference.index != index
        }
        referred |= self._quiet
        aggregated = {index for index in self._plans if isinstance(self._rules[index], Rule)}
        hits = referred & set(self._plans)
        return frozenset((referred - hits) | aggregated), frozenset(hits)
