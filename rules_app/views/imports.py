"""Importing rules: the upload, and the page of the job that reads it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from rules_app import services
from rules_app.access import get_visible_import_job
from rules_app.forms import ImportForm
from rules_app.models import ImportJob, RuleSet
from rules_app.services.rule_files import MAX_ARCHIVE_BYTES, MAX_ARCHIVE_MEMBERS, MAX_FILE_BYTES
from sigmaweb.partials import render_partial

LIMITS = {
    "file_kib": MAX_FILE_BYTES >> 10,
    "archive_mib": MAX_ARCHIVE_BYTES >> 20,
    "archive_members": MAX_ARCHIVE_MEMBERS,
}
SHOWN_SENTENCES = 200  # of a report; the numbers above them count all


@require_http_methods(["GET", "POST"])
def import_rules(request: HttpRequest) -> HttpResponse:
    """Choose files and a set; sending them starts a job and leads to its page."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if request.method == "GET" or not form.is_valid():
        context = {
            "form": form,
            "limits": LIMITS,
            "sets": RuleSet.objects.names(),
            "jobs": ImportJob.objects.visible_to(request.user)
            .select_related("rule_set")
            .defer("rule_set__placeholders")[:10],
        }
        return render(request, "rules/import.html", context, status=422 if request.method == "POST" else 200)
    rule_set = services.get_or_create_set(form.cleaned_data["rule_set"], request.user)
    return redirect(services.start_import(form.cleaned_data["files"], rule_set, request.user))


@require_GET
def import_job(request: HttpRequest, pk: int) -> HttpResponse:
    """How far the import is, in numbers; at its end what became of each file."""
    job = get_visible_import_job(request, pk)
    context = {
        "job": job,
        "refused": job.refused[:SHOWN_SENTENCES],
        "notices": job.notices[:SHOWN_SENTENCES],
        "read": job.created + job.updated + job.unchanged,
    }
    return render_partial(request, "rules/import_job.html", context, target="import-job", partial="job")


@require_POST
def import_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a job that failed go on after the last batch that it wrote."""
    job = get_visible_import_job(request, pk)
    services.continue_import(job)
    return redirect(job)
