"""Why a rule does or does not match a pinned event: a text while it is written, and a saved rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from rules_app.access import get_kept_event, get_visible_rule
from rules_app.explain_page import ExplainPage
from rules_app.forms import CheckForm
from rules_app.global_filters import enabled_filters
from rules_app.matching import NotReady
from rules_app.models import Rule
from rules_app.models.pins import CopiedEvent
from rules_app.pins_page import dots_of
from rules_app.selection import load_default_model, placeholders_of_set, read_documents
from rules_app.services.versions import text_sha256, with_line_ends_of
from sigma_engine import Correlation, Counts, Filter, Placeholders, filtered
from sigma_engine import explain as explain_rule

CHOOSE = "Choose a pinned event: its explanation stands here, and follows the text."


def explained(request: HttpRequest, counts_of: Callable[[CopiedEvent], Counts | None]) -> HttpResponse:
    """What a text that is being written says of the chosen event, with the hash of the text that this is about.

    `counts_of` gives the counts of a case for the hints about an event: cases are not the matter of this app, so their
    app has the address.
    """
    form = CheckForm(request.POST)
    if not form.is_valid():
        problem = " ".join(error for errors in form.errors.values() for error in errors)
        return render(request, "explain/_live.html", {"problem": problem}, status=422)
    text = with_line_ends_of("", form.cleaned_data["text"])
    context: dict[str, Any] = {"text_sha256": text_sha256(text)}
    try:
        kept = get_kept_event(request, request.POST["pin"]) if request.POST.get("pin") else None
    except Http404:
        kept = None
    if kept is None:
        return render(request, "explain/_live.html", context | {"problem": CHOOSE})
    lists, filters = placeholders_of_set(form.cleaned_data["rule_set"]), enabled_filters(request.user)
    try:
        context["page"] = explain_text(text, lists, kept, filters, counts_of(kept))
    except NotReady as problem:
        context["problem"] = str(problem)
    return render(request, "explain/_live.html", context)


@require_GET
def explain_on(request: HttpRequest, pk: int) -> HttpResponse:
    """A saved rule explained on `?pin=`, one of the events that this person pinned to it or one of its tests."""
    rule = get_visible_rule(request, pk)
    version = rule.current or rule.draft
    context: dict[str, Any] = {"rule": rule, "version": version, "chosen": request.GET.get("pin", "")}
    if version is not None:
        lists = rule.rule_set.placeholders
        context["pins"] = dots_of(request.user, rule, version.text, lists, context["chosen"])
        kept = _kept_of(request, rule)
        try:
            filters = enabled_filters(request.user)
            context["page"] = explain_text(version.text, lists, kept, filters) if kept else None
        except NotReady as problem:
            context["problem"] = str(problem)
    return render(request, "explain/rule.html", context)


def explain_text(
    text: str,
    placeholders: Placeholders,
    kept: CopiedEvent,
    filters: Iterable[Filter] = (),
    counts: Counts | None = None,
) -> ExplainPage:
    """The explanation of a rule's text, alone, on a kept event, with the global filters that would take the hit away
    as notes. `counts` are those of a case, for hints. Raises NotReady with a sentence."""
    model = load_default_model()
    if model is None:
        raise NotReady("There is no default model, so nothing says where events have their fields.")
    documents = read_documents(text, placeholders)
    if len(documents) != 1:
        raise NotReady("The text holds no rule, or more than one: write one document.")
    rule = documents[0].rule
    if isinstance(rule, Correlation):
        raise NotReady("A correlation is not decided by single events. The rules that it counts are.")
    if isinstance(rule, Filter):
        raise NotReady("A filter hits nothing by itself: it takes hits away from the rules that it names.")
    if rule is None:
        worst = next((one for one in documents[0].findings if one.severity == "error"), None)
        raise NotReady(f"Line {worst.line}: {worst.message}" if worst else "The rule is broken.")
    explained = explain_rule(rule, model, kept.event, kept.file_name, counts)
    tuned = [(one.title, filtered(rule, [one])) for one in filters] if explained.verdict else []
    notes = tuple(
        f"A scan does not have this hit: the global filter {title} takes it away."
        for title, joined in tuned
        if joined is not rule and not explain_rule(joined, model, kept.event, kept.file_name).verdict
    )
    return ExplainPage(rule, explained, notes)


def _kept_of(request: HttpRequest, rule: Rule) -> CopiedEvent | None:
    """The chosen event, when it is one of this rule. Raises Http404 for another's."""
    key = request.GET.get("pin", "")
    if not key:
        return None
    kept = get_kept_event(request, key)
    if kept.rule_id != rule.pk:  # type: ignore[attr-defined]
        raise Http404("That event belongs to another rule.")
    return kept
