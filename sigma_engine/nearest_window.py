"""Why a correlation is silent: of all windows the one that came nearest to what it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigma_engine.chain import Chains
from sigma_engine.correlation_parts import Groups, NearestWindow, Plan, Point
from sigma_engine.lane import Surroundings
from sigma_engine.window_value import WindowValue

MEMBERS_SHOWN = 50

Candidate = tuple[float, Sequence[int]]  # what a window amounts to, and the indexes of its points


def nearest_window(plan: Plan, points: Sequence[Point], groups: Groups) -> NearestWindow:
    """The window that came nearest, for a plan without a hit. `points` and each group are in order of time."""
    present = {point.rule_index for point in points}
    missing = tuple(
        dict.fromkeys(one.index for one in plan.references if one.index not in present)
        if plan.window.type in ("temporal", "temporal_ordered")
        else ()
    )
    if not points:
        return NearestWindow(plan.rule_index, 0, 0, missing=missing)
    value, inside = _nearest(plan, groups)
    return NearestWindow(
        plan.rule_index,
        len(points),
        len(groups),
        value,
        plan.group(inside[0].key) if inside else {},
        tuple(point.members[-1] for point in inside[:MEMBERS_SHOWN]),
        Surroundings(plan, points, groups).fell_out(inside) if inside else (),
        missing,
        _lacking(plan, groups),
        _ungrouped(plan, points) if plan.window.group_by else None,
    )


def why_silent(plan: Plan, nearest: NearestWindow, titles: Sequence[str]) -> str:
    """The cause in a sentence. `titles` are those of the set's rules, by index."""
    asked = " and ".join(map(str, plan.window.bounds))
    if not nearest.points:
        return "None of the rules that it counts has a match."
    if nearest.missing:
        names = ", ".join(f"`{titles[index]}`" for index in nearest.missing)
        return f"It wants a match of each of its rules, and there is none of {names}."
    if nearest.lacking:
        names = ", ".join(f"`{name}`" for name in nearest.lacking)
        return f"It groups by {names}, which none of its {nearest.points:,} matches has."
    if nearest.ungrouped is not None:
        by = ", ".join(f"`{name}`" for name in plan.window.group_by)
        apart = f"Its {nearest.points:,} matches fall into {nearest.groups:,} groups by {by}."
        if not asked:
            return f"{apart} Without the grouping all its rules would be in one window."
        return f"{apart} Without the grouping the value would be {nearest.ungrouped:g}, and {asked} is asked."
    if not asked:
        return f"The nearest window has {nearest.value or 0:g} of the {len(plan.references)} rules."
    value = "nothing to measure" if nearest.value is None else f"{nearest.value:g}"
    return f"The nearest window has {value}, and {asked} is asked."


def _nearest(plan: Plan, groups: Groups) -> tuple[float | None, Sequence[Point]]:
    find = _prefixes if plan.window.type == "temporal_ordered" else _windows
    best: Candidate | None = None
    best_group: Sequence[Point] = ()
    for of_group in groups.values():
        for candidate in find(plan, of_group):
            if best is None or _distance(plan, candidate[0]) < _distance(plan, best[0]):
                best, best_group = candidate, of_group
    if best is None:
        return None, ()
    return best[0], [best_group[index] for index in best[1]]


def _distance(plan: Plan, value: float) -> float:
    if not plan.window.bounds:
        return len(plan.references) - value
    return sum(abs(bound.number - value) for bound in plan.window.bounds if not bound.holds(value))


def _windows(plan: Plan, points: Sequence[Point]) -> Iterator[Candidate]:
    """The longest window from each point, with its value; nothing where there is no number to calculate with."""
    value = WindowValue(plan.window, plan.rules)
    span = plan.window.span
    end = 0
    for start, point in enumerate(points):
        while end < len(points) and (span is None or points[end].time - point.time <= span):
            value.add(points[end])
            end += 1
        if (measured := value.value()) is not None:
            yield measured, range(start, end)
        value.drop(point)


def _prefixes(plan: Plan, points: Sequence[Point]) -> Iterator[Candidate]:
    chains = Chains(plan, points)
    for start in range(len(points)):
        chain = chains.from_point(start)
        if chain:
            yield float(len(chain)), chain


def _lacking(plan: Plan, groups: Groups) -> tuple[str, ...]:
    names = enumerate(plan.window.group_by)
    return tuple(name for place, name in names if all(key[place] is None for key in groups))


def _ungrouped(plan: Plan, points: Sequence[Point]) -> float | None:
    """What a window over all groups would have, when that is what the correlation asks for."""
    value, _inside = _nearest(plan, {(None,) * len(plan.window.group_by): list(points)})
    return value if value is not None and _distance(plan, value) <= 0 else None
