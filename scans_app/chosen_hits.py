"""The hits that a form of the hits page speaks of: the ticked ones, or all that the list's filters let through."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from rules_app.keys import read_key
from scans_app.hit_browser import COUNTED
from scans_app.hit_filters import HitFilters
from scans_app.models import Case, Hit

AT_ONCE = COUNTED  # more would hold a request for long
TOO_MANY = f"More than {AT_ONCE:,} hits are chosen. Narrow the filters and take them in parts."


def chosen_hits(request: HttpRequest, case: Case, list_query: QueryDict) -> list[Hit] | None:
    """The hits of the form's `hit` (and `unstar`), or with `scope=filter` those of `list_query`.

    None for more than AT_ONCE. Only hits of this case are ever among them.
    """
    hits: QuerySet[Hit] = Hit.objects.of_case(case)
    if of_filter(request):
        scan = list_query.get("scan", "")
        hits = HitFilters.from_query(list_query).apply(hits.filter(scan=read_key(scan)))
    else:
        named = [*request.POST.getlist("hit"), *request.POST.getlist("unstar")]
        hits = hits.filter(pk__in=[pk for text in named if (pk := read_key(text))])
    found = list(hits.order_by("pk")[: AT_ONCE + 1])
    return None if len(found) > AT_ONCE else found


def of_filter(request: HttpRequest) -> bool:
    """Whether the form speaks of all hits in the filter."""
    return request.POST.get("scope") == "filter"
