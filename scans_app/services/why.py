"""Why a rule did or did not match an event: of a hit, with what its scan ran with, or of the evidence, with what is
published today. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from rules_app.explain_page import ExplainPage
from rules_app.global_filters import enabled_filters
from rules_app.models import EventModel, EventModelVersion, RuleVersion
from rules_app.selection import load_event_model, placeholders_of_sets, read_documents
from scans_app.models import Case, EvidenceFields, Hit, Scan
from scans_app.services.event_rows import clean_text
from scans_app.services.field_counts import FieldCount
from scans_app.services.frozen_filters import frozen_filters
from scans_app.services.placeholders import lists_for_asking
from scans_app.services.raw_events import RawEvent, find_event
from sigma_engine import (
    ENGINE_VERSION,
    AnyRule,
    EventKey,
    EvidenceError,
    Filter,
    Model,
    Placeholders,
    event_key,
    explain,
    filtered,
    find_escapes,
)
from sigma_engine import Rule as EngineRule

_ABOUT_HITS = "This rule is about the hits of other rules: the events that it counted are listed under Event."


@dataclass(frozen=True, slots=True)
class Why:
    """An explanation as a page shows it and `tree`, its data; or `problem`, the sentence why there is none."""

    version: RuleVersion
    model_version: EventModelVersion | None  # None where there is no default model
    tree: dict[str, Any] | None
    problem: str = ""
    page: ExplainPage | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An event that a rule is asked about."""

    case: Case
    event: dict[str, Any]
    file_name: str
    filters: Sequence[Filter]
    notes: tuple[str, ...]


def explain_hit(hit: Hit, version: RuleVersion | None = None, *, with_escapes: bool = False) -> Why:
    """Explain the rule version that made the hit, or another, on the hit's event, with what the scan ran with.

    The event is read from the evidence; where that is gone the one that was stored with the hit serves. A broken
    rule or model is an answer, not an exception: its `problem` says so. With escapes, the smallest edits too.
    """
    version = version or hit.rule_version
    model_version = hit.scan.model_version
    try:
        rule = _rule_of(version, lists_for_asking(hit.scan, version))
        model = load_event_model(model_version)
    except ValueError as error:
        return Why(version, model_version, None, f"There is nothing to explain: {error}.")
    event, notes = event_of_hit(hit)
    notes += _notes_of(version) + _notes_of_scan(hit.scan, version)
    asked = _Asked(hit.scan.case, event, hit.evidence.name, frozen_filters(hit.scan), tuple(notes))
    own = version.pk == hit.rule_version_id
    return _explained(
        rule, model, version, model_version, asked, of_hit=hit if own else None, escapes=with_escapes
    )


def explain_event(
    case: Case, raw: RawEvent, version: RuleVersion, user: AbstractBaseUser | AnonymousUser
) -> Why:
    """Explain a rule version on an event of the evidence under the default model and the filters of today."""
    default = EventModel.objects.default()
    model_version = default.current if default else None
    if model_version is None:
        return Why(
            version, None, None, "There is no default model, so nothing says where events have their fields."
        )
    try:
        placeholders = placeholders_of_sets([version])[version.rule.rule_set_id]
        rule = _rule_of(version, placeholders)
        model = load_event_model(model_version)
    except ValueError as error:
        return Why(version, model_version, None, f"There is nothing to explain: {error}.")
    filters = enabled_filters(user)
    asked = _Asked(case, raw.event, raw.file.name, filters, tuple(_notes_of(version)))
    return _explained(rule, model, version, model_version, asked)


def event_of_hit(hit: Hit) -> tuple[dict[str, Any], list[str]]:
    """The event of a hit from its evidence, or the stored one with the sentence that says so."""
    try:
        raw = find_event(hit.evidence, hit.chunk, hit.position)
    except (EvidenceError, OSError):
        raw = None
    if raw is not None:
        return raw.event, []
    note = f"{hit.evidence.name} is not there any more: this is the event as it was stored with the hit."
    return hit.event.data, [note]


def _explained(
    rule: AnyRule,
    model: Model,
    version: RuleVersion,
    model_version: EventModelVersion,
    asked: _Asked,
    *,
    of_hit: Hit | None = None,
    escapes: bool = False,
) -> Why:
    if not isinstance(rule, EngineRule):
        return Why(version, model_version, None, _ABOUT_HITS)
    whole = filtered(rule, asked.filters)
    notes = list(asked.notes)
    if whole is not rule:
        notes.append(
            "Filters of the library are joined to the condition: their selections begin with filter_."
        )
    explanation = explain(whole, model, asked.event, asked.file_name, counts_of(asked.case, asked.event))
    if of_hit is not None and not explanation.verdict:
        engine = of_hit.scan.manifest.get("engine", "")
        notes.insert(0, _otherwise(of_hit, engine))
    found = find_escapes(whole, model, asked.event, asked.file_name) if escapes else []
    own = frozenset(rule.selections)
    page = ExplainPage(rule, explanation, tuple(notes), tuple(found), own)
    return Why(version, model_version, page.tree, page=page)


def _otherwise(hit: Hit, engine: str) -> str:
    made = f"engine {engine}" if engine else "the engine of then"
    return (
        f"Scan {hit.scan_id} of {hit.scan.created_at:%d %b %Y} made a hit of this event with {made}; "
        f"today's engine {ENGINE_VERSION} does not."
    )


def _rule_of(version: RuleVersion, placeholders: Placeholders) -> AnyRule:
    """As `load_rule`, remembered: a rule of thousands of values is explained again and again."""
    documents = read_documents(version.text, placeholders)
    if len(documents) != 1 or documents[0].rule is None or documents[0].broken:
        first = next((one for one in version.findings if one["severity"] == "error"), None)
        where = f", line {first['line']}: {first['message'].rstrip('.')}" if first else ""
        raise ValueError(f"version {version.number} of rule {version.rule_id} is broken{where}")
    return documents[0].rule


def counts_of(case: Case, event: dict[str, Any]) -> dict[EventKey, FieldCount]:
    """How many events of this event's kind the case has, and which fields they have; for hints."""
    key = event_key(event)
    rows = EvidenceFields.objects.filter(
        evidence__case=case,
        channel=clean_text(key.channel),
        provider=clean_text(key.provider),
        event_code=key.event_id,
    )
    count = FieldCount()
    for events, names in rows.values_list("events", "names"):
        count.add(events, names)
    return {key: count} if count.events else {}


def _notes_of(version: RuleVersion) -> list[str]:
    """What is special about a rule and its version today."""
    rule = version.rule
    notes = []
    if not rule.enabled:
        notes.append("The rule is disabled: scans that start now leave it out.")
    if rule.current_id is None:
        notes.append("The rule is a draft that was never published: no scan runs it.")
    elif rule.current_id != version.pk:
        notes.append(f"This is version {version.number}, not the published one.")
    return notes


def _notes_of_scan(scan: Scan, version: RuleVersion) -> list[str]:
    """Whether the scan ran the version at all."""
    rules = scan.manifest.get("rules", {})
    ran = {*rules.get("versions", ()), *rules.get("needed", ())}
    if not ran or version.pk in ran:
        return []
    return [f"Scan {scan.pk} did not run this version: it was not among the rules that were chosen."]
