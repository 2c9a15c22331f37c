"""Stars and assignments of hits, one or many at once, and the undo of verdicts."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from rules_app.keys import read_key
from scans_app import access
from scans_app.chosen_hits import TOO_MANY, chosen_hits, of_filter
from scans_app.hit_browser import MARKS_OF_HIT, HitBrowser
from scans_app.models import Case, CaseAct, Hit
from scans_app.services import hit_marks
from scans_app.services.undo import UndoRefused
from scans_app.services.undo import undo as undo_act
from scans_app.templatetags.display import counted
from scans_app.views.hit import list_url
from scans_app.views.hits import triage_context


@require_POST
def star(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Star the chosen hits, or take the stars away with `starred=no`; `unstar` is one hit that loses its star."""
    case = access.get_editable_case(request, case_pk)
    list_query = QueryDict(request.POST.get("query", ""))
    starred = request.POST.get("starred", "yes") != "no" and "unstar" not in request.POST
    hits = chosen_hits(request, case, list_query)
    if hits is None:
        messages.error(request, TOO_MANY)
        return _marked(request, case, [], list_query)
    count = hit_marks.star(case, hits, request.user, starred=starred)
    if len(hits) != 1:
        word = "starred" if starred else "no longer starred"
        messages.success(request, f"{counted(count, 'hit is,hits are')} {word}.")
    return _marked(request, case, hits, list_query)


@require_POST
def assign(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Assign the chosen hits to the member of the name `assignee`, to nobody for "", or with `me` to who asks."""
    case = access.get_editable_case(request, case_pk)
    list_query = QueryDict(request.POST.get("query", ""))
    name = request.user.get_username() if "me" in request.POST else request.POST.get("assignee", "")
    assignee: AbstractBaseUser | None = get_user_model()._default_manager.filter(username=name).first()
    if name and assignee is None:
        return HttpResponseBadRequest("There is no user of that name.")
    hits = chosen_hits(request, case, list_query)
    try:
        if hits is None:
            raise hit_marks.MarkRefused(TOO_MANY)
        count = hit_marks.assign(case, hits, assignee, request.user)
    except hit_marks.MarkRefused as refusal:
        messages.error(request, str(refusal))
        return _marked(request, case, [], list_query)
    messages.success(request, f"{counted(count, 'hit is,hits are')} assigned to {name or 'nobody'} now.")
    return _marked(request, case, hits, list_query)


def _marked(request: HttpRequest, case: Case, hits: list[Hit], list_query: QueryDict) -> HttpResponse:
    """For htmx the new marks, each for its place on the page; else the list again."""
    opened = request.POST.get("open", "")
    if not request.headers.get("HX-Request"):
        return redirect(list_url(case.pk, list_query, **({"hit": opened} if opened else {})))
    if of_filter(request):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    prefetch_related_objects(hits, "scan", *MARKS_OF_HIT)
    context = {"hits": hits, "case": case, "open": opened, "query": list_query.urlencode()}
    if hits:
        context["browser"] = HitBrowser(hits[0].scan, list_query)
    return render(request, "hits/_marked.html", context | triage_context(case, request.user))


@require_POST
def undo(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Take back the verdicts of `act`: each hit gets what it had, unless somebody judged it since."""
    case = access.get_editable_case(request, case_pk)
    act = CaseAct.objects.filter(case=case, pk=read_key(request.POST.get("act", ""))).first()
    shown = QueryDict(urlsplit(request.headers.get("HX-Current-URL", "")).query)
    list_query = shown or QueryDict(request.POST.get("query", ""))
    try:
        if act is None:
            raise UndoRefused("There is nothing to undo.")
        done = undo_act(act, request.user)
    except UndoRefused as refusal:
        messages.error(request, str(refusal))
    else:
        sentence = (
            f"{counted(done.restored, 'hit has its verdict,hits have their verdicts')} of before again."
        )
        if done.judged_since:
            since = counted(done.judged_since, "was judged since and was,were judged since and were")
            sentence = f"{sentence} {since} left alone."
        messages.success(request, sentence)
    # The page as it was, at the hit that was judged when it was one.
    opened = act.judgements.values_list("hit", flat=True)[:3] if act and list_query.get("hit") else ()
    address = list_url(case.pk, list_query, **({"hit": str(opened[0])} if len(set(opened)) == 1 else {}))
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)
