"""The cases of a person, a new one, and a case's overview with its members."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from scans_app import access
from scans_app.case_history import CaseHistory
from scans_app.forms import CaseForm, MemberForm
from scans_app.models import Case, CaseMember, Evidence, Hit, Scan
from scans_app.newest_first import newest_first
from scans_app.services.cases import MemberError, add_member, create_case, remove_member
from scans_app.services.hit_marks import waiting_for
from scans_app.views.frame import CaseFrame, case_frame

HISTORY_SHOWN = 6


@require_GET
def case_list(request: HttpRequest) -> HttpResponse:
    """The cases that this person may see, newest first, a page at a time, with what each holds."""
    files = (
        Evidence.objects.filter(case=OuterRef("pk"), is_deleting=False)
        .exclude(state=Evidence.State.REFUSED)
        .order_by()
    )
    sums = files.values("case").annotate(n=Count("pk"), bytes=Sum("size"), seen=Sum("events"))
    scans = (
        Scan.objects.filter(case=OuterRef("pk"), is_deleting=False)
        .order_by()
        .values("case")
        .annotate(n=Count("pk"))
    )
    role = CaseMember.objects.filter(case=OuterRef("pk"), user=request.user).values("role")
    cases = (
        Case.objects.visible_to(request.user)
        .select_related("created_by")
        .annotate(
            files=Subquery(sums.values("n")),
            size=Subquery(sums.values("bytes")),
            events=Subquery(sums.values("seen")),
            scans_made=Subquery(scans.values("n")),
            role=Subquery(role),
        )
    )
    return render(request, "cases/list.html", {"page": newest_first(cases, request.GET)})


@require_http_methods(["GET", "POST"])
def case_new(request: HttpRequest) -> HttpResponse:
    """A form for a new case; whoever makes it owns it."""
    form = CaseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        case = create_case(user=request.user, **form.cleaned_data)
        messages.success(request, f"Case {case.pk} is there. Add evidence next.")
        return redirect("cases:evidence", case.pk)
    status = 422 if form.is_bound else 200
    return render(request, "cases/new.html", {"form": form}, status=status)


@require_GET
def case(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The overview: what the case holds, who works on it, what to do next."""
    frame = case_frame(access.get_visible_case(request, case_pk), request.user)
    return _overview(request, frame, MemberForm())


@require_POST
def members(request: HttpRequest, case_pk: int) -> HttpResponse:
    """Add a member by user name, or give one who is there another role."""
    case = access.get_owned_case(request, case_pk)
    form = MemberForm(request.POST)
    if form.is_valid():
        user, role = form.cleaned_data["username"], form.cleaned_data["role"]
        try:
            add_member(case, user, role, by=request.user)
        except MemberError as refusal:
            form.add_error("role", str(refusal))
        else:
            messages.success(request, f"{user} is {CaseMember.Role(role).label.lower()} of this case.")
            return redirect("cases:case", case.pk)
    return _overview(request, case_frame(case, request.user), form, status=422)


@require_POST
def member_remove(request: HttpRequest, case_pk: int, pk: int) -> HttpResponse:
    """Take a member out of the case."""
    case = access.get_owned_case(request, case_pk)
    member = get_object_or_404(case.members.select_related("user"), pk=pk)
    try:
        remove_member(case, member.user, by=request.user)
    except MemberError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{member.user} is no longer a member of this case.")
    still_in = Case.objects.visible_to(request.user).filter(pk=case.pk).exists()
    return redirect("cases:case", case.pk) if still_in else redirect("cases:list")


def _overview(request: HttpRequest, frame: CaseFrame, form: MemberForm, status: int = 200) -> HttpResponse:
    unjudged = Hit.objects.of_scan(frame.latest).unjudged().count_up_to() if frame.latest else 0
    context = {
        "frame": frame,
        "tab": "overview",
        "members": frame.case.members.select_related("user"),
        "member_form": form,
        "unjudged": f"{unjudged:,}" if unjudged <= 10_000 else "More than 10,000",
        "any_unjudged": unjudged,
        "waiting": waiting_for(frame.case, request.user),
        "history": CaseHistory(frame.case, size=HISTORY_SHOWN),
    }
    return render(request, "cases/case.html", context, status=status)
