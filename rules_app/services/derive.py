"""From a rule's text to the columns that the library filters on. The text is the truth, these follow it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sigma_engine import (
    Finding,
    Logsource,
    Model,
    ParsedRule,
    Placeholders,
    Scope,
    Severity,
    check_rule,
    level_rank,
    parse_rules,
)

SEVERAL_DOCUMENTS = Finding(
    code="several_documents",
    severity=Severity.ERROR,
    message="A second YAML document begins here, and a rule is one document.",
    hint="Keep one here; make the others rules of their own, or import them together as a file.",
)
NO_DOCUMENT = Finding(
    code="empty_rule",
    severity=Severity.ERROR,
    message="The text holds no rule.",
    hint="A rule has at least a title, a logsource and a detection.",
)
UNTITLED = "Untitled rule"
LOGSOURCE_PARTS = ("category", "product", "service")


@dataclass(frozen=True)
class DerivedRule:
    """What a text says of itself: values for columns of `Rule`, and the findings for its version."""

    columns: dict[str, Any]
    findings: list[dict[str, Any]]


def check_text(text: str, model: Model | None, placeholders: Placeholders) -> list[Finding]:
    """All findings of the text of one rule in the order of their places, with a model also what it says."""
    return _check(parse_rules(text, placeholders), model)


def derive_rule(text: str, model: Model | None, placeholders: Placeholders) -> DerivedRule:
    """The columns and findings of a text that is saved as one rule. Never raises for a bad text."""
    parsed = parse_rules(text, placeholders)
    columns = _columns(parsed[0], model) if parsed else {"title": UNTITLED}
    return _derived(columns, _check(parsed, None))


def derive_document(parsed: ParsedRule, model: Model | None) -> DerivedRule:
    """The same for one document of a file."""
    findings = sorted(check_rule(parsed, None), key=lambda finding: (finding.line, finding.column))
    return _derived(_columns(parsed, model), findings)


def is_served(model: Model | None, logsource: tuple[str, str, str]) -> bool:
    """Whether a model has events for the log source (category, product, service; "" for what is left out).

    What names no log source is no matter of a model: correlations, whose rules name theirs.
    """
    if not any(logsource):
        return True
    return model is not None and bool(model.sources_for(Logsource(*(part or None for part in logsource))))


def _check(parsed: list[ParsedRule], model: Model | None) -> list[Finding]:
    if not parsed:
        return [NO_DOCUMENT]
    first = parsed[0]
    findings = [replace(one, line=one.line + first.line_offset) for one in check_rule(first, model)]
    if len(parsed) > 1:
        findings.append(replace(SEVERAL_DOCUMENTS, line=parsed[1].line_offset + 1))
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def _derived(columns: dict[str, Any], findings: list[Finding]) -> DerivedRule:
    broken = any(f.severity is Severity.ERROR and f.scope is Scope.RULE for f in findings)
    return DerivedRule({**columns, "broken": broken}, [finding.to_dict() for finding in findings])


def _columns(parsed: ParsedRule, model: Model | None) -> dict[str, Any]:
    """The columns that a document fills, broken or not, each cut to what its column holds."""
    meta = parsed.meta
    tags = [str(tag) for tag in meta.get("tags", ())]
    category, product, service = (meta.get(part, "")[:100] for part in LOGSOURCE_PARTS)
    return {
        "title": (parsed.title or UNTITLED)[:500],
        "rule_uid": parsed.rule_id[:200],
        "level": level_rank(meta.get("level", "")),
        "status": meta.get("status", "")[:40],
        "category": category,
        "product": product,
        "service": service,
        "tags": tags,
        "tags_text": f" {' '.join(tag.lower() for tag in tags)} ",
        "author": meta.get("author", ""),
        "description": meta.get("description", ""),
        "placeholders": list(parsed.placeholders),
        "served": is_served(model, (category, product, service)),
    }
