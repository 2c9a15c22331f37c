"""The global filters that a scan runs with: they decide about every rule that they name."""

from __future__ import annotations

from django.db.models import Q

from rules_app.selection import load_rule
from scans_app.models import Scan
from scans_app.services.placeholders import lists_for_asking
from sigma_engine import Filter

_FILTER = Q(rule_version__text__startswith="filter:") | Q(rule_version__text__contains="\nfilter:")


def frozen_filters(scan: Scan) -> list[Filter]:
    """The filters among the scan's rules, in the versions and with the placeholders that it has frozen."""
    rows = scan.rules.filter(_FILTER).select_related("rule_version__rule__rule_set")
    rules = [load_rule(row.rule_version, lists_for_asking(scan, row.rule_version)) for row in rows]
    return [rule for rule in rules if isinstance(rule, Filter)]
