"""Fetching with permission: what a person may not see is the same 404 as what does not exist.

Anyone signed in may read and write rules and models: each save is a version with its author. Shipped
models are read-only for everybody.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from rules_app.keys import read_key
from rules_app.models import (
    EventModel,
    EventModelVersion,
    ImportJob,
    PinnedEvent,
    Rule,
    RuleSet,
    RuleTest,
    RuleVersion,
)
from rules_app.models.pins import CopiedEvent


def get_visible_rule(request: HttpRequest, pk: int) -> Rule:
    """The rule with its set, published version and draft, or Http404."""
    rules = Rule.objects.visible_to(request.user)
    rules = rules.select_related("rule_set", "current__author", "draft__author")
    return get_object_or_404(rules, pk=pk)


def get_editable_rule(request: HttpRequest, pk: int) -> Rule:
    """The rule to write to, or Http404."""
    return get_visible_rule(request, pk)


def get_visible_rule_version(request: HttpRequest, pk: int, number: int) -> RuleVersion:
    """One version of a rule, or Http404."""
    rule = get_visible_rule(request, pk)
    return get_object_or_404(rule.versions.select_related("author"), number=number)


def get_visible_set(request: HttpRequest, pk: int) -> RuleSet:
    """The set of rules, or Http404."""
    return get_object_or_404(RuleSet.objects.visible_to(request.user), pk=pk)


def get_editable_set(request: HttpRequest, pk: int) -> RuleSet:
    """The set of rules to write to, or Http404."""
    return get_visible_set(request, pk)


def get_visible_model(request: HttpRequest, pk: int) -> EventModel:
    """The event model with its current version, or Http404."""
    event_models = EventModel.objects.visible_to(request.user).select_related("current__author")
    return get_object_or_404(event_models, pk=pk)


def get_editable_model(request: HttpRequest, pk: int) -> EventModel:
    """The event model to write to, or Http404; PermissionDenied for a shipped one."""
    event_model = get_visible_model(request, pk)
    if event_model.shipped:
        raise PermissionDenied(f"{event_model.name} is shipped and read-only. Copy it to edit the copy.")
    return event_model


def get_visible_model_version(request: HttpRequest, pk: int, number: int) -> EventModelVersion:
    """One version of an event model, or Http404."""
    event_model = get_visible_model(request, pk)
    return get_object_or_404(event_model.versions.select_related("author"), number=number)


def get_visible_import_job(request: HttpRequest, pk: int) -> ImportJob:
    """The import job with its set, or Http404."""
    return get_object_or_404(ImportJob.objects.visible_to(request.user).select_related("rule_set"), pk=pk)


def get_visible_test(request: HttpRequest, pk: int) -> RuleTest:
    """A test of a rule, or one that this person made without a rule, or Http404."""
    tests = RuleTest.objects.select_related("rule")
    return get_object_or_404(tests.filter(Q(rule__isnull=False) | Q(created_by=request.user.pk)), pk=pk)


def get_kept_event(request: HttpRequest, key: str) -> CopiedEvent:
    """The event of a dot in the editor: a pin of this person ("12"), or a test ("t12"). Raises Http404."""
    pk = read_key(key.removeprefix("t"))
    if pk is None:
        raise Http404(f"There is no event {key!r}.")
    if key.startswith("t"):
        return get_visible_test(request, pk)
    return get_object_or_404(PinnedEvent.objects.select_related("rule"), owner=request.user.pk, pk=pk)
