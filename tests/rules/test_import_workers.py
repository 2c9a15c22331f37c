"""Real workers that import, one of them ended in the middle: nothing is lost, nothing is doubled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile

from rules_app import services
from rules_app.models import ImportJob, Rule, RuleVersion
from rules_app.services.import_jobs import claimable_imports
from tests.rules.conftest import rule_text, zip_of
from tests.scans.workers import wait_until, worker

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [
    pytest.mark.kill,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_server"),
]
RULES = 3_000


def start_job(owner: User) -> ImportJob:
    services.sync_shipped_models()
    archive = zip_of({f"{n // 100}/{n}.yml": rule_text(f"Rule {n}", id="") for n in range(RULES)})
    rule_set = services.get_or_create_set("Many", owner)
    return services.start_import([SimpleUploadedFile("many.zip", archive)], rule_set, owner)


def state_of(job: ImportJob) -> str:
    job.refresh_from_db()
    return job.state


def test_a_worker_imports_what_was_uploaded(owner: User) -> None:
    job = start_job(owner)
    with worker():
        wait_until(lambda: state_of(job) == "finished")
    assert (job.created, job.files_done, Rule.objects.count()) == (RULES, RULES, RULES)


def test_an_import_whose_worker_is_killed_ends_as_an_undisturbed_one(owner: User) -> None:
    job = start_job(owner)
    with worker() as one:
        wait_until(lambda: state_of(job) != "queued" and job.files_done > 0)
        one.kill_all()
        assert state_of(job) == "running", "the import was over before the test could disturb it"
        one.restart()
        wait_until(lambda: bool(claimable_imports()))  # the lease of the dead runs out
        current_app.send_task("rules_app.tasks.resume_imports")  # as beat does from time to time
        wait_until(lambda: state_of(job) == "finished")
    assert (job.created, job.unchanged, job.files_done) == (RULES, 0, RULES)
    assert (Rule.objects.count(), RuleVersion.objects.count()) == (RULES, RULES)
