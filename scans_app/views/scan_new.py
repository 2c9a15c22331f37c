"""A new scan: the form, what it would run (live), and the start."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from scans_app import access
from scans_app.forms import ScanForm
from scans_app.models import Case
from scans_app.services import scans
from scans_app.services.debug_cost import debug_cost
from scans_app.views.frame import case_frame
from sigmaweb.partials import render_partial


@require_http_methods(["GET", "POST"])
def scan_new(request: HttpRequest, case_pk: int) -> HttpResponse:
    """The form, and its start: a form that is sent twice starts one scan."""
    case = access.get_editable_case(request, case_pk)
    if request.method != "POST":
        return _page(request, case, ScanForm(case=case, user=request.user))
    form = ScanForm(request.POST, case=case, user=request.user)
    if form.is_valid():
        try:
            scan = scans.start_scan(
                case,
                form.chosen_evidence(),
                form.selection(),
                form.cleaned_data["model"].current,
                request.user,
                time_from=form.cleaned_data["time_from"],
                time_to=form.cleaned_data["time_to"],
                debug=form.cleaned_data["debug"],
                cpu_share=form.cleaned_data["cpu_share"],
                key=form.cleaned_data["key"],
            )
        except scans.ScanRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("cases:scan", case.pk, scan.pk)
    return _page(request, case, form, status=422)


@require_GET
def preflight(request: HttpRequest, case_pk: int) -> HttpResponse:
    """What the form as it stands would run, and what not, each with its reason."""
    case = access.get_editable_case(request, case_pk)
    form = ScanForm(request.GET, case=case, user=request.user)
    plan = None
    if form.is_valid():
        model_version = form.cleaned_data["model"].current
        plan = scans.preflight(case, form.chosen_evidence(), form.selection(), model_version, request.user)
    return _page(request, case, form, plan=plan)


def _page(
    request: HttpRequest, case: Case, form: ScanForm, plan: scans.Preflight | None = None, status: int = 200
) -> HttpResponse:
    cost = debug_cost(plan) if plan is not None else None
    context = {
        "frame": case_frame(case, request.user),
        "tab": "scans",
        "form": form,
        "plan": plan,
        "cost": cost,
    }
    return render_partial(
        request, "scans/new.html", context, target="preflight", partial="preflight", status=status
    )
