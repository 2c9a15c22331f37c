"""The global filters of the library: published rules that decide about the hits of others, which scans ask too."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from rules_app.models import Rule, RuleVersion
from rules_app.selection import load_rule, placeholders_of_sets
from sigma_engine import Filter

IS_FILTER = Q(text__startswith="filter:") | Q(text__contains="\nfilter:")  # may be one: the engine decides


def library_filters(user: AbstractBaseUser | AnonymousUser) -> list[tuple[RuleVersion, Filter]]:
    """The published filters that this person may see and that are in order, disabled ones too, by their version."""
    rules = Rule.objects.visible_to(user).published().filter(broken=False)
    found = RuleVersion.objects.filter(IS_FILTER, pk__in=rules.values("current"))
    versions = list(found.select_related("rule__rule_set").order_by("pk"))
    lists = placeholders_of_sets(versions)
    loaded = ((version, load_rule(version, lists[version.rule.rule_set_id])) for version in versions)
    return [(version, one) for version, one in loaded if isinstance(one, Filter)]


def enabled_filters(user: AbstractBaseUser | AnonymousUser) -> list[Filter]:
    """The filters that a scan of all sets would run with now."""
    return [one for version, one in library_filters(user) if version.rule.enabled]
