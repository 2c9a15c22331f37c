"""What pages show of the findings of texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rules_app.selection import load_default_model
from rules_app.services.derive import check_text
from rules_app.services.versions import text_sha256
from rules_app.text_views import count_findings
from sigma_engine import Finding, Model, Placeholders, Scope, Severity, apply_mend, with_mends

SHOWN = 200  # findings of a text; more are counted


def rule_findings(text: str, model: Model | None, placeholders: Placeholders) -> list[dict[str, Any]]:
    """What is wrong with a rule's text, by itself with its set's placeholders, and under a model.

    What keeps a rule out of scans by the model's fault is a warning here: nobody can mend it in the rule, and
    a page that counts it as an error would call a rule broken that is not.
    """
    return _shown(check_text(text, model, placeholders))


def mendable_findings(text: str, model: Model | None, placeholders: Placeholders) -> list[dict[str, Any]]:
    """The same for a text that is being edited: each finding comes with its `mends`."""
    return _shown(with_mends(check_text(text, model, placeholders), text, model))


def mended(text: str, placeholders: Placeholders, address: str) -> str:
    """The text with one of its mends made, `2.0` for the first one of the third finding; as it is for no such mend."""
    finding, _, mend = address.partition(".")
    model = load_default_model()
    findings = with_mends(check_text(text, model, placeholders), text, model)
    try:
        return apply_mend(text, findings[int(finding)].mends[int(mend)])
    except (ValueError, IndexError):
        return text


def findings_context(text: str, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Findings with their counts, and the hash of the text that they are about."""
    return {
        "findings": findings[:SHOWN],
        "more_findings": len(findings[SHOWN:]),
        "counts": count_findings(findings),
        "text_sha256": text_sha256(text),
    }


def _shown(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    shown = []
    for finding in findings:
        one = finding.to_dict() | {"mends": [asdict(mend) for mend in finding.mends]}
        if finding.scope is Scope.MODEL and finding.severity is Severity.ERROR:
            one["severity"] = Severity.WARNING.value
        shown.append(one)
    return shown
