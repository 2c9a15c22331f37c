"""A log source of a model: which rules it serves, and which events it takes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Protocol

from sigma_engine.lambdas import Lambda, LambdaError
from sigma_engine.mapping import Mapping


class LogsourceLike(Protocol):
    """What a rule says of its log source; None where it says nothing."""

    @property
    def category(self) -> str | None: ...
    @property
    def product(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...


class KeyLike(Protocol):
    """What an event is routed by; "" and -1 where it has none."""

    @property
    def channel(self) -> str: ...
    @property
    def event_id(self) -> int: ...
    @property
    def provider(self) -> str: ...


class Source:
    """One log source: `name` is `category/product/service`, `*` for any.

    An empty `channels`, `event_ids`, `providers` or `files` takes any event; several must all agree. Channels
    and providers compare without case and may end in `*`; `*` alone is any event that has one. `files` are
    globs over the name of the evidence. `where` is a lambda over the event that has the last word: `accepts`
    does not ask it, `wants` does. `line` is the source's place in the model's text. `query` is the VQL that an
    imported source was translated from, "" for others.
    """

    def __init__(
        self,
        name: str,
        *,
        channels: Iterable[str] = (),
        event_ids: Iterable[int] = (),
        providers: Iterable[str] = (),
        files: Iterable[str] = (),
        where: Lambda | None = None,
        fields: dict[str, Mapping] | None = None,
        line: int = 1,
        query: str = "",
    ) -> None:
        self.name = name
        self.channels = tuple(channels)
        self.event_ids = tuple(event_ids)
        self.providers = tuple(providers)
        self.files = tuple(files)
        self.where = where
        self.fields = fields or {}
        self.line = line
        self.query = query
        self.faults = 0

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Category, product and service, lower case."""
        return tuple(self.name.lower().split("/"))

    def serves(self, logsource: LogsourceLike) -> bool:
        """Whether rules of this logsource run here: each part that the rule names is named alike.

        No rule runs on a source that takes no event.
        """
        wanted = (logsource.category, logsource.product, logsource.service)
        return not self.takes_nothing and all(
            want is None or want.lower() == part for want, part in zip(wanted, self.parts, strict=True)
        )

    @cached_property
    def takes_nothing(self) -> bool:
        """Whether `where` says no whatever the event: an imported source of which nothing could be told."""
        return self.where is not None and not self.where.inputs and not self.wants({})

    def accepts(self, key: KeyLike, file_name: str) -> bool:
        """Whether the source takes events of this key from this file; `where` is not asked."""
        return (
            (not self.event_ids or key.event_id in self._event_ids)
            and (not self.channels or self._channels.fullmatch(key.channel) is not None)
            and (not self.providers or self._providers.fullmatch(key.provider) is not None)
            and (not self.files or self._files.fullmatch(base_name(file_name)) is not None)
        )

    def wants(self, event: Any) -> bool:
        """What `where` says of an event that the source accepts; a bound that it reaches counts as no.

        `faults` counts the events for which that happened.
        """
        if self.where is None:
            return True
        try:
            return bool(self.where(event))
        except LambdaError:
            self.faults += 1
            return False

    @cached_property
    def specificity(self) -> tuple[int, ...]:
        """Orders sources: by `where`, event ids, whole channels, providers, files, named parts."""
        exact = bool(self.channels) and not any(channel.endswith("*") for channel in self.channels)
        return (
            int(self.where is not None),
            int(bool(self.event_ids)),
            2 if exact else int(bool(self.channels)),
            int(bool(self.providers)),
            int(bool(self.files)),
            sum(part != "*" for part in self.parts),
        )

    @cached_property
    def _event_ids(self) -> frozenset[int]:
        return frozenset(self.event_ids)

    @cached_property
    def _channels(self) -> re.Pattern[str]:
        return _any_prefix(self.channels)

    @cached_property
    def _providers(self) -> re.Pattern[str]:
        return _any_prefix(self.providers)

    @cached_property
    def _files(self) -> re.Pattern[str]:
        globs = "|".join(fnmatch.translate(glob) for glob in self.files)
        return re.compile(globs, re.IGNORECASE)

    def __repr__(self) -> str:
        return f"Source({self.name!r}, line {self.line})"


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    return path[max(path.rfind("/"), path.rfind("\\")) + 1 :]


def _any_prefix(names: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern of names without case, of which a last `*` stands for any rest."""
    parts = [
        ".+" if name == "*" else re.escape(name.removesuffix("*")) + (".*" if name.endswith("*") else "")
        for name in names
    ]
    return re.compile("|".join(parts), re.IGNORECASE | re.DOTALL)
