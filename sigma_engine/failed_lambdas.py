"""Lambdas of a model that reached a bound on an event: the field counts as absent there, which somebody must know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sigma_engine.lambdas import LambdaError
from sigma_engine.log_source import Source
from sigma_engine.mapping import Mapping
from sigma_engine.model import Model


def lambdas_of(model: Model) -> list[Mapping | Source]:
    """What of a model holds a lambda that may fail: its mappings that are no plain path, and sources with `where`."""
    mappings = [*model.fields.values(), *(one for source in model.sources for one in source.fields.values())]
    computed: list[Mapping | Source] = [one for one in mappings if one.path is None]
    return computed + [source for source in model.sources if source.where is not None]


def failed_lambdas(
    model: Model, accepted: tuple[Source, ...], event: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """The fields, or `where of NAME`, whose lambda reaches a bound on an event, each with the sentence of that."""
    names = dict.fromkeys((*(name for source in accepted for name in source.fields), *model.fields))
    for name in names:
        mapping = model.mapping(name, accepted)
        why = mapping.fault(event) if mapping.faults else ""
        if why:
            yield name, why
    for source in model.sources:
        if source.faults and (why := _where_fails(source, event)):
            yield f"where of {source.name}", why


def _where_fails(source: Source, event: dict[str, Any]) -> str:
    try:
        if source.where is not None:
            source.where(event)
    except LambdaError as error:
        return error.message
    return ""
