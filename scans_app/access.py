"""Fetch with permission: each helper gives what its name promises, or ends the request.

What a person may not see and what does not exist are the same 404. What they may see but not change is 403.
Every argument after the request comes from the URL; a child is only found under the case of its URL.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from scans_app.models import Case, Evidence, Hit, Scan, Trial


def get_visible_case(request: HttpRequest, case_pk: int) -> Case:
    """The case, when this person is a member of it. Raises Http404 otherwise."""
    return get_object_or_404(Case.objects.visible_to(request.user), pk=case_pk)


def get_editable_case(request: HttpRequest, case_pk: int) -> Case:
    """The case, when this person may upload, scan and judge in it. Raises Http404, or PermissionDenied."""
    case = get_visible_case(request, case_pk)
    if not case.may_edit(request.user):
        raise PermissionDenied("You may read this case, not change it: ask an owner for the role analyst.")
    return case


def get_owned_case(request: HttpRequest, case_pk: int) -> Case:
    """The case, when this person may change its members and delete it. Raises as `get_editable_case`."""
    case = get_visible_case(request, case_pk)
    if not case.may_own(request.user):
        raise PermissionDenied("Only an owner of this case may do that.")
    return case


def get_visible_evidence(request: HttpRequest, case_pk: int, pk: int) -> Evidence:
    """A file of a visible case. Raises Http404."""
    case = get_visible_case(request, case_pk)
    return get_object_or_404(Evidence.objects.of_case(case).select_related("case", "uploaded_by"), pk=pk)


def get_visible_scan(request: HttpRequest, case_pk: int, pk: int) -> Scan:
    """A scan of a visible case. Raises Http404."""
    case = get_visible_case(request, case_pk)
    scans = Scan.objects.of_case(case).select_related("case", "created_by", "model_version__model")
    return get_object_or_404(scans, pk=pk)


def get_editable_scan(request: HttpRequest, case_pk: int, pk: int) -> Scan:
    """A scan that this person may cancel. Raises Http404, or PermissionDenied."""
    scan = get_visible_scan(request, case_pk, pk)
    get_editable_case(request, case_pk)
    return scan


def get_visible_hit(request: HttpRequest, case_pk: int, pk: int) -> Hit:
    """A hit of a visible case, with its event, rule and evidence. Raises Http404."""
    case = get_visible_case(request, case_pk)
    hits = Hit.objects.select_related("scan__case", "event", "rule", "rule_version", "evidence")
    return get_object_or_404(hits.filter(scan__case=case), pk=pk)


def get_editable_hit(request: HttpRequest, case_pk: int, pk: int) -> Hit:
    """A hit that this person may judge and comment. Raises Http404, or PermissionDenied."""
    hit = get_visible_hit(request, case_pk, pk)
    get_editable_case(request, case_pk)
    return hit


def get_visible_trial(request: HttpRequest, case_pk: int, pk: int) -> Trial:
    """This person's trial in a visible case. Raises Http404."""
    case = get_visible_case(request, case_pk)
    return get_object_or_404(Trial.objects.visible_to(request.user).filter(case=case), pk=pk)
