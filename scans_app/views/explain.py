"""Explanations on pages of their own: of a hit, of an event of the evidence; and what would hit an event."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from rules_app.keys import read_key
from rules_app.models import Rule, RuleVersion
from scans_app import access
from scans_app.models import Hit
from scans_app.services.event_rules import NoRules, rules_of_event
from scans_app.services.raw_events import Place, RawEvent
from scans_app.services.why import Why, event_of_hit, explain_event, explain_hit
from scans_app.views.frame import case_frame
from scans_app.views.raw_events import get_event
from sigma_engine import event_facts

RULES_FOUND = 12


@require_GET
def hit_explain(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Why the rule of a hit, or that of `?rule=`, did or did not match its event; `?format=json` or `match` as data."""
    hit = access.get_visible_hit(request, case_pk, pk)
    chosen = _chosen_version(request)
    why = explain_hit(hit, chosen, with_escapes=chosen is None or chosen.pk == hit.rule_version_id)
    if request.GET.get("format"):
        return _export(request, why, hit.event.data, f"hit-{hit.pk}")
    context = _page(request, hit.scan.case, why) | {"hit": hit, "raw": _raw(hit)}
    context["rules_url"] = reverse("cases:hit_rules", args=[case_pk, pk])
    return render(request, "explain/page.html", context)


@require_GET
def event_explain(request: HttpRequest, case_pk: int, pk: int, chunk: int, position: int) -> HttpResponse:
    """Why a rule, `?rule=`, does or does not match an event of the evidence; without one, the way to choose it."""
    evidence = access.get_visible_evidence(request, case_pk, pk)
    raw = get_event(evidence, chunk, position)
    version = _chosen_version(request)
    why = explain_event(evidence.case, raw, version, request.user) if version else None
    if why is not None and request.GET.get("format"):
        return _export(request, why, raw.event, f"event-{pk}-{chunk}-{position}")
    context = _page(request, evidence.case, why) | {"raw": raw, "tab": "evidence"}
    context["rules_url"] = reverse("cases:event_rules", args=[case_pk, *raw.place])
    return render(request, "explain/page.html", context)


@require_GET
def event_rules(request: HttpRequest, case_pk: int, pk: int, chunk: int, position: int) -> HttpResponse:
    """What would hit an event of the evidence."""
    evidence = access.get_visible_evidence(request, case_pk, pk)
    raw = get_event(evidence, chunk, position)
    explain_url = reverse("cases:event_explain", args=[case_pk, *raw.place])
    return _rules(request, raw, explain_url, "evidence")


@require_GET
def hit_rules(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """What would hit the event of a hit: today's rules, not those of its scan."""
    hit = access.get_visible_hit(request, case_pk, pk)
    return _rules(request, _raw(hit), reverse("cases:hit_explain", args=[case_pk, pk]), "hits")


def _rules(request: HttpRequest, raw: RawEvent, explain_url: str, tab: str) -> HttpResponse:
    """The page at once, and for htmx what takes longer: every rule held against the event."""
    context: dict[str, Any] = {"raw": raw, "explain_url": explain_url}
    if request.headers.get("HX-Request") == "true" or request.GET.get("wait"):
        try:
            context["found"] = rules_of_event(raw, request.user)
        except NoRules as problem:
            context["problem"] = str(problem)
        if request.headers.get("HX-Request") == "true":
            return render(request, "explain/_rules.html", context)
    context |= {"frame": case_frame(raw.file.case, request.user), "tab": tab}
    return render(request, "explain/rules.html", context)


def _page(request: HttpRequest, case: Any, why: Why | None) -> dict[str, Any]:
    """What every page of an explanation shows around it."""
    return {
        "frame": case_frame(case, request.user),
        "tab": "hits",
        "why": why,
        "page": why.page if why else None,
        "find": request.GET.get("find", "").strip(),
        "rules_found": _rules_found(request),
    }


def _raw(hit: Hit) -> RawEvent:
    """The event of a hit at its place, from the evidence or as it was stored."""
    event, _ = event_of_hit(hit)
    return RawEvent(hit.evidence, Place(hit.evidence_id, hit.chunk, hit.position), event, event_facts(event))


def _chosen_version(request: HttpRequest) -> RuleVersion | None:
    """The version of `?rule=` that its pages show: the published one, else its draft; None when none is chosen."""
    chosen = read_key(request.GET.get("rule", ""))
    if chosen is None:
        return None
    rules = Rule.objects.visible_to(request.user).select_related("current__rule", "draft__rule")
    rule = rules.filter(pk=chosen).first()
    return (rule.current or rule.draft) if rule else None


def _rules_found(request: HttpRequest) -> list[Rule]:
    """Rules for the search of `?find=`."""
    text = request.GET.get("find", "").strip()
    if not text:
        return []
    return list(Rule.objects.visible_to(request.user).search(text).order_by("title")[:RULES_FOUND])


def _export(request: HttpRequest, why: Why, event: dict[str, Any], name: str) -> HttpResponse:
    """The explanation as a JSON file: our own tree, or the event with Velociraptor's `_Match` beside its members."""
    if why.page is None or why.model_version is None:
        return JsonResponse({"problem": why.problem}, status=409)
    rule = why.page.rule
    about = {"id": rule.id, "title": rule.title, "version": why.version.number, "sha256": rule.digest}
    whole: dict[str, Any]
    if request.GET["format"] == "match":
        whole = {**event, "_Match": why.page.explanation.to_match()}
    else:
        explained = why.page.explanation.to_dict()
        model = {"name": why.model_version.model.name, "version": why.model_version.number}
        notes, escapes = list(why.page.notes), [escape.to_dict() for escape in why.page.escapes]
        whole = {
            "rule": about,
            "model": model,
            "notes": notes,
            "escapes": escapes,
            **explained,
            "event": event,
        }
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="explanation-{name}.json"'
    return response
