"""One hit: opened beside the list, explained, judged (alone or with many), commented."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from rules_app.keys import read_key
from scans_app import access
from scans_app.hit_browser import COUNTED
from scans_app.hit_filters import HitFilters, with_query
from scans_app.models import Case, Hit
from scans_app.services import review
from scans_app.views.hits import browse_context

JUDGED_AT_ONCE = COUNTED  # more would hold a request for long


@require_GET
def hit(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The slide-over of a hit for htmx; for anybody else the list with the hit open."""
    hit = access.get_visible_hit(request, case_pk, pk)
    if request.headers.get("HX-Request"):
        response = render(request, "hits/_slide.html", browse_context(request, hit, request.GET))
        response.headers["HX-Push-Url"] = _list_url(case_pk, request.GET, hit=str(pk))
        return response
    return redirect(_list_url(case_pk, request.GET, scan=str(hit.scan_id), hit=str(pk)))


@require_GET
def why(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """The address of an explanation, of the hit's rule or of `?rule=`: it leads to the list with it open."""
    hit = access.get_visible_hit(request, case_pk, pk)
    query = QueryDict(mutable=True)
    query["scan"] = str(hit.scan_id)
    rule = request.GET.get("rule") or None
    return redirect(_list_url(case_pk, query, hit=str(pk), tab="why", why=rule))


@require_POST
def judge(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Give hits a verdict: those of `hit`, or with `scope=filter` all that the list's filters let through."""
    case = access.get_editable_case(request, case_pk)
    list_query = QueryDict(request.POST.get("query", ""))
    chosen = _chosen(request, case, list_query)
    verdict = request.POST.get("verdict", "")
    if verdict not in Hit.Verdict.values:
        return HttpResponseBadRequest(
            "A verdict is true_positive, benign, false_positive, unsure or nothing."
        )
    if chosen is None:
        sentence = (
            f"More than {JUDGED_AT_ONCE:,} hits are chosen. Narrow the filters and judge them in parts."
        )
        messages.error(request, sentence)
        return _judged(request, case, [], list_query, verdict)
    count = review.judge(chosen, verdict, request.user)
    word = Hit.Verdict(verdict).label.lower()
    messages.success(request, f"{count:,} {'hit is' if count == 1 else 'hits are'} {word}.")
    return _judged(request, case, chosen, list_query, verdict)


def _chosen(request: HttpRequest, case: Case, list_query: QueryDict) -> list[Hit] | None:
    """The hits of the request, None for too many. Only hits of this case are ever among them."""
    hits: QuerySet[Hit] = Hit.objects.of_case(case)
    if request.POST.get("scope") == "filter":
        scan = list_query.get("scan", "")
        hits = HitFilters.from_query(list_query).apply(hits.filter(scan=read_key(scan)))
    else:
        hits = hits.filter(pk__in=[pk for text in request.POST.getlist("hit") if (pk := read_key(text))])
    found = list(hits.order_by("pk")[: JUDGED_AT_ONCE + 1])
    return None if len(found) > JUDGED_AT_ONCE else found


def _judged(
    request: HttpRequest, case: Case, hits: list[Hit], list_query: QueryDict, verdict: str
) -> HttpResponse:
    """For htmx the new verdicts, each for its place on the page; else the list again."""
    if not request.headers.get("HX-Request"):
        return redirect(_list_url(case.pk, list_query))
    if request.POST.get("scope") == "filter":
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    for one in hits:
        one.verdict = verdict
    context = {"hits": hits, "case_pk": case.pk, "open": request.POST.get("open", ""), "query": list_query}
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
    return redirect(_list_url(case_pk, list_query, hit=str(pk), tab="notes"))


def _list_url(case_pk: int, query: QueryDict, **changes: str | None) -> str:
    return reverse("cases:hits", args=[case_pk]) + with_query(query, changes, keep_page=True)
