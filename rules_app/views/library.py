"""The library of rules."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from rules_app.library import FACET_TITLES, SORTS, LibraryQuery, find_rules
from rules_app.models import EventModel, Rule
from sigmaweb.partials import render_partial


@require_GET
def library(request: HttpRequest) -> HttpResponse:
    """The rules that the address asks for, with counts under each filter."""
    query = LibraryQuery.from_params(request.GET)
    rules = Rule.objects.visible_to(request.user)
    page = find_rules(query, request.user)
    context = {
        "query": query,
        "page": page,
        "chips": _chips(query, page.facets),
        "sorts": [(name, query.from_start(sort=name).address()) for name in SORTS],
        "rules_total": rules.count(),
        "broken_total": rules.broken().count(),
        "in_review_total": rules.in_review().count(),
        "not_served_total": rules.not_served().count(),
        "default_model": EventModel.objects.default(),
    }
    response = render_partial(request, "rules/list.html", context, target="library", partial="library")
    # htmx would write every empty field of the form into the address.
    response.headers["HX-Push-Url"] = request.path + query.address().removesuffix("?")
    return response


def _chips(query: LibraryQuery, facets: list) -> list[tuple[str, str, str]]:
    """Each filter that is on, as (what, value, address without it)."""
    chips = [("Text", query.text, query.from_start(text="").address())] if query.text else []
    return chips + [
        (FACET_TITLES[facet.name], value.label, query.without(facet.name, value.value).address())
        for facet in facets
        for value in facet.values
        if value.chosen
    ]
