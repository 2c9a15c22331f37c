"""One hit: opened beside the list, explained, judged (alone or with many), commented."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from scans_app import access
from scans_app.chosen_hits import TOO_MANY, chosen_hits, of_filter
from scans_app.hit_filters import with_query
from scans_app.models import Case, Hit
from scans_app.services import review
from scans_app.services.undo import undoable
from scans_app.views.hits import browse_context


@require_GET
def hit(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The slide-over of a hit for htmx; for anybody else the list with the hit open."""
    hit = access.get_visible_hit(request, case_pk, pk)
    if request.headers.get("HX-Request"):
        response = render(request, "hits/_slide.html", browse_context(request, hit, request.GET))
        response.headers["HX-Push-Url"] = list_url(case_pk, request.GET, hit=str(pk))
        return response
    return redirect(list_url(case_pk, request.GET, scan=str(hit.scan_id), hit=str(pk)))


@require_GET
def why(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The address of an explanation, of the hit's rule or of `?rule=`: it leads to the list with it open."""
    hit = access.get_visible_hit(request, case_pk, pk)
    query = QueryDict(mutable=True)
    query["scan"] = str(hit.scan_id)
    rule = request.GET.get("rule") or None
    return redirect(list_url(case_pk, query, hit=str(pk), tab="why", why=rule))


@require_POST
def judge(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Give hits a verdict: those of `hit`, or with `scope=filter` all that the list's filters let through."""
    case = access.get_editable_case(request, case_pk)
    list_query = QueryDict(request.POST.get("query", ""))
    chosen = chosen_hits(request, case, list_query)
    verdict = request.POST.get("verdict", "")
    if verdict not in Hit.Verdict.values:
        return HttpResponseBadRequest(
            "A verdict is true_positive, benign, false_positive, unsure or nothing."
        )
    if chosen is None:
        messages.error(request, TOO_MANY)
        return _judged(request, case, [], list_query, verdict)
    count = review.judge(chosen, verdict, request.user)
    word = Hit.Verdict(verdict).label.lower()
    sentence = f"{count:,} {'hit is' if count == 1 else 'hits are'} {word}."
    messages.success(request, sentence, extra_tags="undo" if count else "")
    return _judged(request, case, chosen, list_query, verdict)


def _judged(
    request: HttpRequest, case: Case, hits: list[Hit], list_query: QueryDict, verdict: str
) -> HttpResponse:
    """For htmx the new verdicts, each for its place on the page; else the list again."""
    if not request.headers.get("HX-Request"):
        return redirect(list_url(case.pk, list_query))
    if of_filter(request):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    for one in hits:
        one.verdict = verdict
    context = {"hits": hits, "case_pk": case.pk, "open": request.POST.get("open", ""), "query": list_query}
    context["undo"] = undoable(case, request.user)
    response = render(request, "hits/_judged.html", context)
    response.headers["HX-Trigger"] = "judged"
    return response


@require_POST
def comment(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Write a comment on a hit."""
    hit = access.get_editable_hit(request, case_pk, pk)
    text, problem = request.POST.get("text", ""), ""
    try:
        review.comment(hit, text, request.user)
    except ValueError as error:
        problem = str(error)
    list_query = QueryDict(request.POST.get("query", ""))
    if request.headers.get("HX-Request"):
        context = browse_context(request, hit, list_query) | {
            "problem": problem,
            "text": text if problem else "",
        }
        return render(request, "hits/_notes.html", context, status=422 if problem else 200)
    if problem:
        messages.error(request, f"The comment was not saved. {problem}")
    return redirect(list_url(case_pk, list_query, hit=str(pk), tab="notes"))


def list_url(case_pk: int, query: QueryDict, **changes: str | None) -> str:
    """The address of the list of hits with a query, parts of it changed."""
    return reverse("cases:hits", args=[case_pk]) + with_query(query, changes, keep_page=True)
