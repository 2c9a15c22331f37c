"""The review of a draft: what it changes, what its tests say, what stands in the way, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from rules_app import services
from rules_app.access import get_editable_rule, get_visible_rule_version
from rules_app.forms import CommentForm, ReviewForm
from rules_app.models import DraftState, Rule, RuleVersion
from rules_app.selection import load_default_model
from rules_app.services.publishing import may_publish_alone, may_review, obstacles
from rules_app.text_views import code_lines, diff_lines
from rules_app.views.findings import findings_context, rule_findings
from rules_app.views.rule_tests import tests_context

Do = Callable[[RuleVersion, User, str], None]
ACTS: dict[str, tuple[Do, str]] = {
    "send": (services.send_to_review, "Version {} waits for a reviewer."),
    "changes": (services.ask_for_changes, "Version {} goes back to its author with your note."),
    "publish": (services.publish, "Version {} is published: scans that start from now on run it."),
    "drop": (services.drop_draft, "Version {} is no draft any more. It stays among the versions."),
}


@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """Text diff, findings, tests and hit diff of a rule's draft; `act` sends it to review, asks for changes,
    publishes or drops it. What can't be done is said on the page, with 409."""
    rule = get_editable_rule(request, pk)
    if request.method == "GET":
        return _page(request, rule)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _page(request, rule, form=form, status=422)
    number, act = form.cleaned_data["number"], form.cleaned_data["act"]
    if rule.draft is None or rule.draft.number != number:
        return _page(request, rule, problem=_NOT_THE_DRAFT.format(number), form=form, status=409)
    do, done = ACTS[act]
    try:
        do(rule.draft, request.user, form.cleaned_data["note"])
    except services.NotPublishable:
        return _page(
            request, rule, problem=f"Version {number} can't be published yet.", form=form, status=409
        )
    except services.NotAllowed as problem:
        return _page(request, rule, problem=str(problem), form=form, status=409)
    except services.EditConflict:
        return _page(
            request,
            get_editable_rule(request, pk),
            problem=_NOT_THE_DRAFT.format(number),
            form=form,
            status=409,
        )
    messages.success(request, done.format(number))
    return redirect(rule) if act in ("publish", "drop") else redirect("rules:review", pk)


@require_POST
def restore(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Make the text of an old version the draft."""
    version = get_visible_rule_version(request, pk, number)
    restored = services.restore_version(version, request.user)
    messages.success(request, f"Version {restored.number} is the draft, with the text of version {number}.")
    return redirect("rules:review", pk)


@require_POST
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    """Say something of a rule, or with `remove` take back what one said oneself."""
    rule = get_editable_rule(request, pk)
    form = CommentForm(request.POST)
    if form.is_valid() and form.cleaned_data["remove"]:
        services.remove_comment(rule, form.cleaned_data["remove"], request.user)
    elif form.is_valid():
        services.add_comment(rule, form.cleaned_data["text"], request.user)
    else:
        messages.error(request, "A comment has 1 to 5,000 characters.")
    return redirect(f"{rule.get_absolute_url()}#discussion")


_NOT_THE_DRAFT = "Version {} is not the draft any more: somebody saved, published or dropped it. Look again."


def _page(
    request: HttpRequest,
    rule: Rule,
    *,
    form: ReviewForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "rule": rule,
        "form": form or ReviewForm(),
        "problem": problem,
        "base": rule.current,
    }
    if rule.draft is not None:
        context |= _draft_context(rule, rule.draft, request.user)
    context["acts"] = rule.acts.select_related("author", "version")
    return render(request, "rules/review.html", context, status=status)


def _draft_context(rule: Rule, draft: RuleVersion, user: User) -> dict[str, Any]:
    """What is shown of a draft, and what this person may do with it."""
    text = draft.text
    base = rule.current
    in_review = rule.draft_state == DraftState.IN_REVIEW
    reviews = in_review and may_review(draft, user)
    alone = may_publish_alone(user)
    return {
        "draft": draft,
        "diff": diff_lines(base.text, text) if base else [],
        "lines": [] if base else code_lines(text, draft.findings),
        "published_since": base is not None and base.number > draft.number,
        **findings_context(text, rule_findings(text, load_default_model(), rule.rule_set.placeholders)),
        **tests_context(rule, draft),
        "obstacles": obstacles(draft, user),
        "in_review": in_review,
        "may_review": reviews,
        "may_publish": reviews or alone,
        "alone": alone and not reviews,
        "mine": not may_review(draft, user),
    }
