"""Expressions over atoms: what a rule asks, as sets that are compared with the set of what is true.

An atom is one test on one field's value, interned to an int. Sets decide most rules in one operation: an OR of
atoms is `isdisjoint`, an AND is `<=` (DESIGN section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

Atoms = frozenset[int]
Cost = Callable[[Atoms], float]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True when one of the atoms is."""

    atoms: Atoms

    def holds(self, true: Atoms) -> bool:
        return not self.atoms.isdisjoint(true)

    def trigger(self, cost: Cost) -> Atoms | None:
        """Atoms of which one must be true for this to hold; None when it may hold without any."""
        return self.atoms


@dataclass(frozen=True, slots=True)
class AllOf:
    """True when every atom is."""

    atoms: Atoms

    def holds(self, true: Atoms) -> bool:
        return self.atoms <= true

    def trigger(self, cost: Cost) -> Atoms | None:
        return min((frozenset((atom,)) for atom in sorted(self.atoms)), key=cost, default=None)


@dataclass(frozen=True, slots=True)
class Every:
    """True when every part is."""

    parts: tuple[Truth, ...]

    def holds(self, true: Atoms) -> bool:
        for part in self.parts:  # noqa: SIM110 - a generator takes longer than most parts do
            if not part.holds(true):
                return False
        return True

    def trigger(self, cost: Cost) -> Atoms | None:
        triggers = [part.trigger(cost) for part in self.parts]
        return min((atoms for atoms in triggers if atoms is not None), key=cost, default=None)


@dataclass(frozen=True, slots=True)
class Some:
    """True when one part is."""

    parts: tuple[Truth, ...]

    def holds(self, true: Atoms) -> bool:
        for part in self.parts:  # noqa: SIM110 - see above
            if part.holds(true):
                return True
        return False

    def trigger(self, cost: Cost) -> Atoms | None:
        found: set[int] = set()
        for part in self.parts:
            atoms = part.trigger(cost)
            if atoms is None:
                return None
            found |= atoms
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Nay:
    """True when the part is not."""

    part: Truth

    def holds(self, true: Atoms) -> bool:
        return not self.part.holds(true)

    def trigger(self, cost: Cost) -> Atoms | None:
        return None


Truth = AnyOf | AllOf | Every | Some | Nay
ALWAYS = Every(())


def given(truth: Truth, known: Atoms, true: Atoms) -> Truth | bool:
    """What is left of a truth when it is known of some atoms which of them are true (`true` is part of `known`)."""
    if isinstance(truth, Nay):
        left = given(truth.part, known, true)
        return not left if isinstance(left, bool) else (truth if left is truth.part else Nay(left))
    if isinstance(truth, AnyOf):
        if not truth.holds(known):
            return truth
        return truth.holds(true) or _some_left([AnyOf(truth.atoms - known)] if truth.atoms - known else [])
    if isinstance(truth, AllOf):
        if known.isdisjoint(truth.atoms):
            return truth
        if not truth.atoms & known <= true:
            return False
        return AllOf(truth.atoms - known) if truth.atoms - known else True
    parts = [given(part, known, true) for part in truth.parts]
    if all(left is part for left, part in zip(parts, truth.parts, strict=True)):
        return truth
    if isinstance(truth, Every):
        return _every_left(parts)
    return _some_left(parts)


def _every_left(parts: Iterable[Truth | bool]) -> Truth | bool:
    left = [part for part in parts if part is not True]
    open_parts = [part for part in left if not isinstance(part, bool)]
    return False if len(open_parts) < len(left) else (every(open_parts) if left else True)


def _some_left(parts: Iterable[Truth | bool]) -> Truth | bool:
    left = [part for part in parts if part is not False]
    open_parts = [part for part in left if not isinstance(part, bool)]
    return True if len(open_parts) < len(left) else (some(open_parts) if left else False)


def atoms_in(truths: Iterable[Truth]) -> set[int]:
    """The atoms that truths ask for."""
    found: set[int] = set()
    left = list(truths)
    while left:
        truth = left.pop()
        if isinstance(truth, AnyOf | AllOf):
            found |= truth.atoms
        elif isinstance(truth, Nay):
            left.append(truth.part)
        else:
            left += truth.parts
    return found


def every(parts: Iterable[Truth]) -> Truth:
    """All of the parts, with single atoms among them joined to one set."""
    atoms: set[int] = set()
    others: list[Truth] = []
    for part in _flat(parts, Every):
        if isinstance(part, AllOf) or (isinstance(part, AnyOf) and len(part.atoms) == 1):
            atoms |= part.atoms
        else:
            others.append(part)
    if atoms:
        others.insert(0, AllOf(frozenset(atoms)))
    return others[0] if len(others) == 1 else Every(tuple(others))


def some(parts: Iterable[Truth]) -> Truth:
    """One of the parts, with those that ask for one atom joined to one set."""
    atoms: set[int] = set()
    others: list[Truth] = []
    for part in _flat(parts, Some):
        if isinstance(part, AnyOf) or (isinstance(part, AllOf) and len(part.atoms) == 1):
            atoms |= part.atoms
        else:
            others.append(part)
    if atoms:
        others.insert(0, AnyOf(frozenset(atoms)))
    return others[0] if len(others) == 1 else Some(tuple(others))


def _flat(parts: Iterable[Truth], kind: type[Every] | type[Some]) -> list[Truth]:
    flat: list[Truth] = []
    for part in parts:
        flat += part.parts if isinstance(part, Every | Some) and isinstance(part, kind) else (part,)
    return flat
