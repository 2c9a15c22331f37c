"""What pages show of the findings of texts."""

from __future__ import annotations

from typing import Any

from rules_app.services.derive import check_text
from rules_app.services.versions import text_sha256
from rules_app.text_views import count_findings
from sigma_engine import Model, Placeholders, Scope, Severity


def rule_findings(text: str, model: Model | None, placeholders: Placeholders) -> list[dict[str, Any]]:
    """What is wrong with a rule's text, by itself with its set's placeholders, and under a model.

    What keeps a rule out of scans by the model's fault is a warning here: nobody can mend it in the rule, and
    a page that counts it as an error would call a rule broken that is not.
    """
    findings = []
    for finding in check_text(text, model, placeholders):
        shown = finding.to_dict()
        if finding.scope is Scope.MODEL and finding.severity is Severity.ERROR:
            shown["severity"] = Severity.WARNING.value
        findings.append(shown)
    return findings


def findings_context(text: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Findings with their counts, and the hash of the text that they are about."""
    return {"findings": findings, "counts": count_findings(findings), "text_sha256": text_sha256(text)}
