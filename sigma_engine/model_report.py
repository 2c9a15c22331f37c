"""How far a model serves a set of rules: which it serves, and which log sources and fields it lacks for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from sigma_engine.check import fields_used
from sigma_engine.events import EventKey
from sigma_engine.log_source import Source
from sigma_engine.mapping import ORIGIN_FALLBACK
from sigma_engine.model import Model
from sigma_engine.rule import AnyRule, Rule


@dataclass(frozen=True)
class MissingSource:
    """A log source that rules name and the model has not: `process_creation/linux/*`.

    `rules` are indexes into the rules that were given. `known` says that the model itself lists it as missing
    (`BadSources` of a Velociraptor model).
    """

    logsource: str
    rules: tuple[int, ...]
    known: bool


@dataclass(frozen=True)
class UnmappedField:
    """A field that served rules read and that no mapping knows in `sources`, where they run.

    `everywhere` says that no source of these rules maps it; else others do. It is looked up by that very name (the
    fallback), which may find it. `known` as for sources (`BadFieldMappings`).
    """

    field: str
    rules: tuple[int, ...]
    sources: tuple[str, ...]
    everywhere: bool
    known: bool


@dataclass(frozen=True)
class ModelReport:
    """What a model does for rules over single events, by their indexes; correlations and filters are not counted.

    Lists are ordered by the number of rules that want something, then by name. `missing_fields` are mapped nowhere,
    `fallback_fields` in some log sources of a rule and not in others. `unused_sources` serve none of the rules.
    """

    model: str
    rules: int
    served: tuple[int, ...]
    not_served: tuple[int, ...]
    missing_sources: tuple[MissingSource, ...]
    missing_fields: tuple[UnmappedField, ...]
    fallback_fields: tuple[UnmappedField, ...]
    unused_sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, for JSON."""
        return asdict(self)


def model_report(model: Model, rules: Sequence[AnyRule]) -> ModelReport:
    """The report of `model` for `rules`."""
    wanted = [(index, rule) for index, rule in enumerate(rules) if isinstance(rule, Rule)]
    served = tuple(index for index, rule in wanted if model.sources_for(rule.logsource))
    not_served = tuple(index for index, rule in wanted if not model.sources_for(rule.logsource))
    fields = _fields(model, wanted)
    used = {id(source) for _, rule in wanted for source in model.sources_for(rule.logsource)}
    return ModelReport(
        model.name,
        len(wanted),
        served,
        not_served,
        _missing_sources(model, wanted),
        tuple(field for field in fields if field.everywhere),
        tuple(field for field in fields if not field.everywhere),
        tuple(dict.fromkeys(source.name for source in model.sources if id(source) not in used)),
    )


def _missing_sources(model: Model, rules: Iterable[tuple[int, Rule]]) -> tuple[MissingSource, ...]:
    found: dict[str, list[int]] = {}
    for index, rule in rules:
        if not model.sources_for(rule.logsource):
            found.setdefault(str(rule.logsource), []).append(index)
    missing = [MissingSource(name, tuple(those), name in model.bad_sources) for name, those in found.items()]
    return tuple(sorted(missing, key=lambda one: (-len(one.rules), one.logsource)))


def _fields(model: Model, rules: Iterable[tuple[int, Rule]]) -> list[UnmappedField]:
    """Fields that the fallback serves, those of which a rule finds no mapping in any of its sources apart."""
    lookup = _Lookup(model)
    found: dict[tuple[str, bool], tuple[list[int], dict[str, None]]] = {}
    for index, rule in rules:
        sources = model.sources_for(rule.logsource)
        for field in fields_used(rule) if sources else ():
            unmapped = [source for source in sources if not lookup.maps(field, source)]
            if unmapped:
                everywhere = len(unmapped) == len(sources)
                those, names = found.setdefault((field, everywhere), ([], {}))
                those.append(index)
                names |= dict.fromkeys(source.name for source in unmapped)
    fields = [
        UnmappedField(field, tuple(those), tuple(names), everywhere, field in model.bad_fields)
        for (field, everywhere), (those, names) in found.items()
    ]
    return sorted(fields, key=lambda one: (-len(one.rules), one.field))


class _Lookup:
    """Whether fields are mapped in the events of a source: by it, by another that takes the same, or by the model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._accepted: dict[int, list[tuple[Source, ...]]] = {}
        self._known: dict[tuple[str, int], bool] = {}

    def maps(self, field: str, source: Source) -> bool:
        key = (field, id(source))
        if key not in self._known:
            origins = {self._model.mapping(field, one).origin for one in self._sources_beside(source)}
            self._known[key] = ORIGIN_FALLBACK not in origins
        return self._known[key]

    def _sources_beside(self, source: Source) -> list[tuple[Source, ...]]:
        """For each kind of event that a source takes, all sources that take it."""
        if id(source) not in self._accepted:
            kinds = product(source.channels or ("",), source.event_ids or (-1,), source.providers or ("",))
            names = [name.replace("*", "") for name in source.files] or [""]
            self._accepted[id(source)] = [
                (source, *(one for one in self._model.accepting(EventKey(*kind), name) if one is not source))
                for kind in kinds
                for name in names
            ]
        return self._accepted[id(source)]
