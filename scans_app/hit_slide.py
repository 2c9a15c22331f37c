"""One hit opened beside the list: its event, why the rule matched, the rule, and what people said of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import QueryDict

from rules_app.event_values import FieldValue, event_sections
from rules_app.keys import read_key
from rules_app.models import Rule
from scans_app.hit_filters import with_query
from scans_app.lane import Lane
from scans_app.models import Hit, HitComment, HitJudgement
from scans_app.services.why import Why, explain_hit

TABS = {"event": "Event", "why": "Why", "rule": "Rule", "notes": "Notes"}
RULES_FOUND = 8


class HitSlide:
    """A hit and the tab of it that is shown. `query` is the list's, so that Close leads back to it."""

    def __init__(self, hit: Hit, query: QueryDict, user: AbstractBaseUser | AnonymousUser) -> None:
        self.hit = hit
        self.query = query
        self.user = user
        self.tab = query.get("tab", "event") if query.get("tab") in TABS else "event"

    @property
    def tabs(self) -> list[tuple[str, str, str]]:
        """Each tab as (name, word, the page's address with it; the slide's own has the same query)."""
        return [(name, word, self.page_url(tab=name)) for name, word in TABS.items()]

    def page_url(self, **changes: str | list[str] | None) -> str:
        """The list's address with this hit open."""
        opened = {"hit": str(self.hit.pk), "why": None, "find": None}
        return with_query(self.query, {**opened, **changes}, keep_page=True)

    @property
    def close_url(self) -> str:
        """The list's address with nothing open."""
        return with_query(self.query, dict.fromkeys(("hit", "tab", "why", "find"), None), keep_page=True)

    @cached_property
    def sections(self) -> list[tuple[str, list[FieldValue]]]:
        """The event's values by section."""
        return event_sections(self.hit.event.data)

    @cached_property
    def lane(self) -> Lane | None:
        """The window of a correlation's hit."""
        return Lane(self.hit.lane, self.hit.members) if self.hit.lane and self.hit.members else None

    @cached_property
    def why(self) -> Why:
        """The explanation of the hit's rule, or of the one that the URL chose."""
        chosen = read_key(self.query.get("why", ""))
        rule = self._rules.filter(pk=chosen).first() if chosen else None
        return explain_hit(self.hit, rule.current if rule else None)

    @property
    def explains_own_rule(self) -> bool:
        """Whether the explanation is of the version that made the hit."""
        return self.why.version.pk == self.hit.rule_version_id

    @property
    def own_why_url(self) -> str:
        """The address of the explanation of the rule that hit."""
        return self.page_url(tab="why")

    @property
    def find(self) -> str:
        """What a rule is searched for, to explain it on this event."""
        return self.query.get("find", "").strip()

    @cached_property
    def rules_found(self) -> list[tuple[Rule, str]]:
        """Rules for that search, each with the address of its explanation."""
        if not self.find:
            return []
        found = self._rules.search(self.find).order_by("title")[:RULES_FOUND]
        return [(rule, self.page_url(tab="why", why=str(rule.pk), find=self.find)) for rule in found]

    @property
    def _rules(self) -> Any:
        return Rule.objects.visible_to(self.user).filter(current__isnull=False).select_related("current")

    @cached_property
    def comments(self) -> QuerySet[HitComment]:
        """What people wrote, oldest first."""
        return self.hit.comments.select_related("author")

    @cached_property
    def judgements(self) -> QuerySet[HitJudgement]:
        """The verdicts over time, oldest first."""
        return self.hit.judgements.select_related("author")

    @cached_property
    def notes(self) -> int:
        """How many comments the hit has, for the tab."""
        return self.hit.comments.count()
