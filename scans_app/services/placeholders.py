"""The placeholders that a scan runs with: frozen in its manifest, so that lists of later change nothing in it."""

from __future__ import annotations

from collections.abc import Iterable

from rules_app.models import RuleVersion
from rules_app.selection import placeholders_of_sets
from scans_app.models import Scan
from sigma_engine import Placeholders

Lists = dict[str, list[str]]


def freeze(versions: Iterable[RuleVersion]) -> dict[str, Lists]:
    """The lists that current versions ask for, by the id of their set as text, for a manifest."""
    asking = [version for version in versions if version.rule.placeholders]
    lists = placeholders_of_sets(asking)
    frozen: dict[str, Lists] = {}
    for version in asking:
        of_set = lists[version.rule.rule_set_id]
        kept = frozen.setdefault(str(version.rule.rule_set_id), {})
        kept.update({name: of_set[name] for name in version.rule.placeholders if name in of_set})
    return frozen


def frozen_lists(scan: Scan, version: RuleVersion) -> Placeholders:
    """The lists that a version of the scan's rules runs with."""
    lists: Lists = scan.manifest.get("placeholders", {}).get(str(version.rule.rule_set_id), {})
    return lists


def lists_for_asking(scan: Scan, version: RuleVersion) -> Placeholders:
    """The lists to explain any version with: what the scan has frozen, and for a rule that it did not run also
    those of today."""
    rules = scan.manifest.get("rules", {})
    frozen = frozen_lists(scan, version)
    if version.pk in rules.get("versions", ()) or version.pk in rules.get("needed", ()):
        return frozen
    return {**placeholders_of_sets([version])[version.rule.rule_set_id], **frozen}
