"""A rule's sheet and its versions."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from rules_app import services
from rules_app.access import get_editable_rule, get_visible_rule, get_visible_rule_version
from rules_app.models import EventModel, Rule
from rules_app.rule_sheet import said_of, tuning_of
from rules_app.selection import load_default_model, serving_sources
from rules_app.text_views import code_lines
from rules_app.views.findings import findings_context, rule_findings
from rules_app.views.rule_tests import tests_context
from rules_app.views.versions import version_context


@require_GET
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet: the text with its findings, the rule in words, tests, tuning, versions, hits and what people said."""
    rule = get_visible_rule(request, pk)
    model = load_default_model()
    text = rule.shown.text
    findings = rule_findings(text, model, rule.rule_set.placeholders)
    context = {
        "rule": rule,
        "lines": code_lines(text, findings),
        **findings_context(text, findings),
        **tests_context(rule, rule.shown),
        "words": said_of(text, rule.rule_set.placeholders),
        "tuning": tuning_of(rule, request.user),
        "versions": rule.versions.select_related("author"),
        "acts": rule.acts.select_related("author", "version"),
        "comments": rule.comments.select_related("author"),
        "sources": serving_sources(rule, model),
        "default_model": EventModel.objects.default(),
        "same_id": _rules_of_the_same_id(rule),
    }
    return render(request, "rules/rule.html", context)


@require_GET
def version(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One version as it was, and what it changed against another (`?against=2`), else the one before it."""
    shown = get_visible_rule_version(request, pk, number)
    others = shown.rule.versions.exclude(pk=shown.pk)
    context = version_context(shown, others, request.GET.get("against", ""))
    acts = shown.acts.select_related("author", "version")
    return render(request, "rules/version.html", {"rule": shown.rule, "acts": acts, **context})


@require_POST
def enabled(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a rule into scans (`enabled=yes`) or take it out."""
    rule = get_editable_rule(request, pk)
    wanted = request.POST.get("enabled") == "yes"
    services.set_enabled(rule, enabled=wanted)
    what = "run" if wanted else "leave out"
    messages.success(request, f"Scans that start from now on {what} this rule.")
    return redirect(rule)


def _rules_of_the_same_id(rule: Rule) -> QuerySet[Rule]:
    """Other rules with this rule's id: allowed, but hits by id can't tell them apart."""
    if not rule.rule_uid:
        return Rule.objects.none()
    return (
        Rule.objects.filter(rule_uid=rule.rule_uid)
        .exclude(pk=rule.pk)
        .select_related("rule_set")
        .defer("rule_set__placeholders")
    )
