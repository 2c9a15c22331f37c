"""All findings of a rule: its own, and those that come of running it under a model."""

from __future__ import annotations

from sigma_engine.compiler import not_served
from sigma_engine.detection import FieldTest, fields_of
from sigma_engine.findings import Finding, Scope, Severity
from sigma_engine.model import Model
from sigma_engine.patterns import AnyTest, FieldRefTest
from sigma_engine.rule import ParsedRule, Rule


def check_rule(parsed: ParsedRule, model: Model | None) -> list[Finding]:
    """The findings of a rule, by line. Of severity error exactly when scans leave it out under this model.

    Without a model only the rule's own findings are told.
    """
    findings = list(parsed.findings)
    if isinstance(parsed.rule, Rule) and model is not None:
        findings += _against(parsed.rule, model)
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def fields_used(rule: Rule) -> dict[str, FieldTest]:
    """Every field that a rule reads, with the first test that names it; referenced fields too."""
    fields: dict[str, FieldTest] = {}
    for selection in rule.selections.values():
        for test in fields_of(selection.root):
            names = [test.field] if test.field else []
            for value in test.values:
                tests = value.test.tests if isinstance(value.test, AnyTest) else (value.test,)
                names += [one.field for one in tests if isinstance(one, FieldRefTest)]
            for name in names:
                fields.setdefault(name, test)
    return fields


def _against(rule: Rule, model: Model) -> list[Finding]:
    sources = model.sources_for(rule.logsource)
    if not sources:
        return [not_served(rule, model)]
    findings = []
    for field, test in fields_used(rule).items():
        origins = [model.mapping(field, (source,)).origin for source in sources]
        if all(origin == "fallback" for origin in origins):
            findings.append(
                Finding(
                    "field_unmapped",
                    Severity.INFO,
                    f"The model `{model.name}` has no mapping for `{field}`; it is looked up by that very name.",
                    "Check its spelling against an event, or map it in the model.",
                    test.line,
                    test.column,
                    Scope.MODEL,
                )
            )
    return findings
