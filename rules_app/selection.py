"""Which rules a scan runs, as data; and from stored versions to what the engine works with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Self

from django.contrib.auth.models import AbstractBaseUser

import sigma_engine
from rules_app.models import EventModel, EventModelVersion, Rule, RuleSet, RuleVersion

_ABOUT_OTHERS = re.compile(r"^(correlation|filter)\s*:", re.MULTILINE)
_NAME = re.compile(r"""^name\s*:\s*["']?([^"'#\n]+?)["']?\s*$""", re.MULTILINE)


@dataclass(frozen=True)
class RuleSelection:
    """Velociraptor's RuleLevel, RuleStatus and rule_filter, and more. What is empty chooses all.

    `sets` are ids of rule sets, `title` a regular expression searched in titles without case,
    `rule_filter` a lambda over the rule, such as `x=>x.author =~ "Roth"`.
    """

    sets: tuple[int, ...] = ()
    levels: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    title: str = ""
    rule_filter: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data for a JSON column; `from_json` reads it back."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """A selection from what `to_json` gave; parts that are missing choose all."""
        return cls(
            sets=tuple(int(pk) for pk in data.get("sets", ())),
            levels=tuple(data.get("levels", ())),
            statuses=tuple(data.get("statuses", ())),
            tags=tuple(data.get("tags", ())),
            title=data.get("title", ""),
            rule_filter=data.get("rule_filter", ""),
        )


_SAID: dict[str, tuple[bool, str]] = {}  # by the hash of the text
SAID_KEPT = 50_000
_ASKED = (
    "number", "text", "sha256", "rule__rule_set_id", "rule__rule_uid", "rule__title", "rule__level", "rule__status",
    "rule__category", "rule__product", "rule__service", "rule__tags", "rule__author", "rule__description",
    "rule__broken", "rule__placeholders",
)  # fmt: skip


class Candidates:
    """The current versions of the enabled rules of the chosen sets, loaded once: which of them are chosen, and what
    those need beside them."""

    def __init__(self, selection: RuleSelection, user: AbstractBaseUser) -> None:
        self._selection = selection
        rules = Rule.objects.visible_to(user).enabled()
        if selection.sets:
            rules = rules.filter(rule_set__in=selection.sets)
        current = RuleVersion.objects.filter(pk__in=rules.values("current"))
        # Thousands of rows: what nobody asks of them, JSON and times above all, takes most of the reading.
        self._versions = list(current.select_related("rule").only(*_ASKED).order_by("rule_id"))
        self._heads = _heads(self._versions)

    def chosen(self) -> list[RuleVersion]:
        """The versions that the selection chooses, as `resolve`."""
        chosen = sigma_engine.select_rules(
            self._heads,
            levels=self._selection.levels,
            statuses=self._selection.statuses,
            tags=self._selection.tags,
            title=self._selection.title,
            rule_filter=self._selection.rule_filter,
        )
        return [self._versions[index] for index in chosen]

    def needed_by(self, chosen: Iterable[RuleVersion]) -> list[RuleVersion]:
        """What a scan of the chosen versions needs beside them, and what gives no hits of its own: the rules that
        correlations refer to, and the filters, of the chosen sets, whatever their level, status or tags."""
        sound = [index for index, version in enumerate(self._versions) if not version.rule.broken]
        places = {self._versions[index].pk: place for place, index in enumerate(sound)}
        indexes = [places[version.pk] for version in chosen if version.pk in places]
        needed = sigma_engine.needed_rules([self._heads[index] for index in sound], indexes)
        return [self._versions[sound[place]] for place in needed]


def resolve(selection: RuleSelection, user: AbstractBaseUser) -> list[RuleVersion]:
    """The current versions of the enabled rules that are chosen, each with its rule, in order of its id.

    Broken rules are among them: a scan leaves them out by name, with the findings of their version.
    Raises sigma_engine.SelectionError with a sentence for a choice that can't be understood.
    """
    return Candidates(selection, user).chosen()


def _heads(versions: Sequence[RuleVersion]) -> list[sigma_engine.AnyRule]:
    """What choosing asks of rules, without parsing thousands of texts: only those that are about other rules."""
    placeholders = placeholders_of_sets(versions)
    return [_head(version, placeholders[version.rule.rule_set_id]) for version in versions]


def _head(version: RuleVersion, placeholders: sigma_engine.Placeholders) -> sigma_engine.AnyRule:
    rule = version.rule
    about_others, name = _said_of(version)
    if about_others and not rule.broken:
        return load_rule(version, placeholders)
    return sigma_engine.Rule(
        id=rule.rule_uid,
        title=rule.title,
        name=name,
        status=rule.status,
        level=rule.level_name,
        tags=tuple(rule.tags),
        logsource=sigma_engine.Logsource(rule.category or None, rule.product or None, rule.service or None),
        author=rule.author,
        date="",
        modified="",
        description=rule.description,
        references=(),
        falsepositives=(),
        fields=(),
        details="",
        selections={},
        conditions=(),
        text=version.text,
    )


def _said_of(version: RuleVersion) -> tuple[bool, str]:
    """Whether a version's text is about other rules, and its `name`. A text always says the same, so each is searched
    once a process."""
    said = _SAID.get(version.sha256)
    if said is None:
        if len(_SAID) >= SAID_KEPT:
            _SAID.clear()
        name = _NAME.search(version.text)
        said = _SAID[version.sha256] = bool(_ABOUT_OTHERS.search(version.text)), name[1] if name else ""
    return said


def placeholders_of_sets(versions: Iterable[RuleVersion]) -> dict[int, dict[str, list[str]]]:
    """The lists of the sets that these versions' rules are in, as they are now, by the set's id."""
    sets = RuleSet.objects.filter(pk__in={version.rule.rule_set_id for version in versions})
    return dict(sets.values_list("pk", "placeholders"))


def placeholders_of_set(name: str) -> dict[str, list[str]]:
    """The lists of the set of this name; none for a set that is not there yet."""
    return RuleSet.objects.filter(name=name.strip()).values_list("placeholders", flat=True).first() or {}


def load_rule(version: RuleVersion, placeholders: sigma_engine.Placeholders) -> sigma_engine.AnyRule:
    """The engine's rule of a version, with the lists of its set: those of now, or those that a scan has frozen.

    Raises ValueError for a broken one, which scans leave out.
    """
    parsed = sigma_engine.parse_rules(version.text, placeholders)
    if len(parsed) != 1 or parsed[0].rule is None or parsed[0].broken:
        raise ValueError(f"version {version.number} of rule {version.rule_id} is broken")
    return parsed[0].rule


def read_documents(text: str, placeholders: sigma_engine.Placeholders) -> tuple[sigma_engine.ParsedRule, ...]:
    """What the engine reads of a text. The last few are remembered: several parts of a page ask for one text."""
    return _read_documents(text, json.dumps({name: list(values) for name, values in placeholders.items()}))


def load_event_model(version: EventModelVersion) -> sigma_engine.Model:
    """The engine's model of a version. Raises ValueError for a broken one, which can't be scanned with."""
    model = _parse_event_model(version.text)
    if model is None:
        raise ValueError(f"{version} is broken")
    return model


def load_default_model() -> sigma_engine.Model | None:
    """The engine's model that the library speaks of; None when there is none or it is broken."""
    default = EventModel.objects.default()
    if default is None or default.current is None or default.current.broken:
        return None
    return load_event_model(default.current)


def serving_sources(rule: Rule, model: sigma_engine.Model | None) -> tuple[sigma_engine.Source, ...]:
    """The log sources of a model that a rule runs on; none when it is not served."""
    parts = [part or None for part in (rule.category, rule.product, rule.service)]
    if model is None or not any(parts):
        return ()
    return model.sources_for(sigma_engine.Logsource(*parts))


@lru_cache(maxsize=8)
def _read_documents(text: str, placeholders: str) -> tuple[sigma_engine.ParsedRule, ...]:
    return tuple(sigma_engine.parse_rules(text, json.loads(placeholders)))


@lru_cache(maxsize=8)
def _parse_event_model(text: str) -> sigma_engine.Model | None:
    """Models are large and asked for at every page; a text always means the same model."""
    model, _ = sigma_engine.parse_model(text)
    return model
