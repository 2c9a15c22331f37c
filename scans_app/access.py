"""Fetch with permission: each helper gives what its name promises, or ends the request.

What a person may not see and what does not exist are the same 404. What they may see but not change is 403.
Every argument after the request comes from the URL; a child is only found under the case of its URL. What somebody is
deleting raises BeingDeleted for those who could see it: its page says so.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from scans_app.models import Case, Deletion, Evidence, Hit, Scan, Trial


class BeingDeleted(Exception):
    """What was asked for is being deleted; `deletion` says by whom and how far. The answer is a page with 410."""

    def __init__(self, deletion: Deletion) -> None:
        super().__init__(str(deletion))
        self.deletion = deletion


def _gone(deletion: Deletion | None) -> Exception:
    # None: it was over between two questions of the request.
    return BeingDeleted(deletion) if deletion is not None else Http404("Somebody has deleted it.")


def get_visible_case(request: HttpRequest, case_pk: int) -> Case:
    """The case, when this person is a member of it. Raises Http404 otherwise, or BeingDeleted."""
    case = Case.objects.visible_to(request.user).filter(pk=case_pk).first()
    if case is not None:
        return case
    if (gone := Case.objects.being_deleted_from(request.user).filter(pk=case_pk).first()) is not None:
        raise _gone(Deletion.objects.of_case(gone))
    raise Http404("This person sees no such case.")


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
    """A file of a visible case. Raises Http404, or BeingDeleted."""
    case = get_visible_case(request, case_pk)
    file = Evidence.objects.of_case(case).select_related("case", "uploaded_by").filter(pk=pk).first()
    if file is None and Evidence.objects.filter(case=case, pk=pk, is_deleting=True).exists():
        raise _gone(Deletion.objects.of_file(case, pk))
    if file is None:
        raise Http404("This case has no such file.")
    return file


def get_visible_scan(request: HttpRequest, case_pk: int, pk: int) -> Scan:
    """A scan of a visible case. Raises Http404, or BeingDeleted."""
    case = get_visible_case(request, case_pk)
    scans = Scan.objects.of_case(case).select_related("case", "created_by", "model_version__model")
    scan = scans.filter(pk=pk).first()
    if scan is None and Scan.objects.filter(case=case, pk=pk, is_deleting=True).exists():
        raise _gone(Deletion.objects.of_scan(case, pk))
    if scan is None:
        raise Http404("This case has no such scan.")
    return scan


def get_visible_deletion(request: HttpRequest, pk: int) -> Deletion:
    """What this person deletes or deleted; an administrator sees all. Raises Http404."""
    return get_object_or_404(Deletion.objects.visible_to(request.user), pk=pk)


def get_editable_scan(request: HttpRequest, case_pk: int, pk: int) -> Scan:
    """A scan that this person may cancel. Raises Http404, or PermissionDenied."""
    scan = get_visible_scan(request, case_pk, pk)
    get_editable_case(request, case_pk)
    return scan


def get_visible_hit(request: HttpRequest, case_pk: int, pk: int) -> Hit:
    """A hit of a visible case, with its event, rule, evidence and marks. Raises Http404, or BeingDeleted."""
    case = get_visible_case(request, case_pk)
    hits = Hit.objects.select_related("scan__case", "event", "rule", "rule_version", "evidence")
    hits = hits.select_related("star__author", "assignment__assignee", "assignment__author")
    hit = get_object_or_404(hits.filter(scan__case=case), pk=pk)
    if hit.scan.is_deleting:
        raise _gone(Deletion.objects.of_scan(case, hit.scan_id))
    return hit


def get_editable_hit(request: HttpRequest, case_pk: int, pk: int) -> Hit:
    """A hit that this person may judge and comment. Raises Http404, or PermissionDenied."""
    hit = get_visible_hit(request, case_pk, pk)
    get_editable_case(request, case_pk)
    return hit


def get_visible_trial(request: HttpRequest, case_pk: int, pk: int) -> Trial:
    """This person's trial in a visible case. Raises Http404."""
    case = get_visible_case(request, case_pk)
    return get_object_or_404(Trial.objects.visible_to(request.user).filter(case=case), pk=pk)
