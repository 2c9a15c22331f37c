"""Importing through the page: the upload, the job, and what its page says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from rules_app import services
from rules_app.models import EventModel, ImportJob, Rule, RuleSet
from rules_app.services import import_jobs
from rules_app.services.importing import import_rules
from tests.rules.conftest import BROKEN, rule_text, zip_of


def upload(client: Client, rule_set: str = "Uploaded", **files: bytes) -> Any:
    sent = [SimpleUploadedFile(name.replace("_", "."), content) for name, content in files.items()]
    return client.post("/rules/import/", {"files": sent, "rule_set": rule_set})


@pytest.fixture
def job(owner_client: Client, shipped: EventModel) -> ImportJob:
    """An upload of a good, a broken and a refused file, as a zip, that waits for a worker."""
    upload(owner_client, all_zip=zip_of({"a.yml": rule_text(), "b.yml": BROKEN, "c.yml": b"\xff"}))
    return ImportJob.objects.get()


def test_an_upload_leads_to_the_page_of_its_job(owner_client: Client, shipped: EventModel) -> None:
    answer = upload(owner_client, one_yml=rule_text().encode(), two_yml=BROKEN.encode())
    job = ImportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, job.get_absolute_url())
    assert (job.state, job.rule_set.name, [name for name, _ in job.uploads]) == (
        "queued", "Uploaded", ["one.yml", "two.yml"],
    )  # fmt: skip


def test_an_upload_is_stored_under_a_name_of_ours(owner_client: Client, shipped: EventModel) -> None:
    upload(owner_client, evil_yml=b"title: x")
    ((_, stored),) = ImportJob.objects.get().uploads
    assert "evil" not in stored
    assert (ImportJob.folder() / stored).read_bytes() == b"title: x"


def test_a_job_says_what_became_of_each_file(owner_client: Client, job: ImportJob) -> None:
    services.run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.created, job.broken, job.files_done, job.files_total) == ("finished", 2, 1, 3, 3)
    page = owner_client.get(job.get_absolute_url()).content.decode()
    assert "c.yml" in page
    assert "not UTF-8 text" in page
    assert f"/rules/?set={job.rule_set_id}&amp;state=broken" in page


def test_the_uploaded_files_are_gone_after_the_import(job: ImportJob) -> None:
    services.run_import(job.pk)
    assert [name for _, name in job.uploads if (ImportJob.folder() / name).exists()] == []


def test_importing_the_same_upload_again_says_that_nothing_changed(
    owner_client: Client, shipped: EventModel
) -> None:
    for _ in range(2):
        upload(owner_client, one_yml=rule_text().encode())
        job = ImportJob.objects.first()
        services.run_import(job.pk)
    page = owner_client.get(job.get_absolute_url()).content.decode()
    assert "Nothing changed" in page
    assert Rule.objects.get().versions.count() == 1


def test_an_imported_version_names_who_uploaded_it(owner: object, job: ImportJob) -> None:
    services.run_import(job.pk)
    assert {rule.current.author for rule in Rule.objects.all()} == {owner}


def test_a_waiting_job_asks_again_and_a_finished_one_does_not(
    owner_client: Client, job: ImportJob, hx: Callable[..., Any]
) -> None:
    waiting = hx(owner_client, "get", job.get_absolute_url(), target="import-job").content.decode()
    services.run_import(job.pk)
    over = hx(owner_client, "get", job.get_absolute_url(), target="import-job").content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert "hx-trigger" not in over
    assert "<html" not in waiting + over


def test_a_job_is_run_once_however_often_it_is_rung_for(job: ImportJob) -> None:
    assert [services.run_import(job.pk), services.run_import(job.pk)] == [True, False]


def test_a_job_that_another_worker_has_is_left_to_it(job: ImportJob) -> None:
    ImportJob.objects.update(state="running", lease_until=timezone.now() + timedelta(seconds=30))
    assert not services.run_import(job.pk)
    assert import_jobs.claimable_imports() == []


def test_a_job_whose_worker_died_goes_on_after_the_last_batch(job: ImportJob) -> None:
    # What a worker that died after the first file left behind.
    import_rules([services.FoundFile("a.yml", rule_text().encode())], job.rule_set, None)
    ImportJob.objects.update(
        state="running", lease_until=timezone.now() - timedelta(seconds=1), created=1, files_done=1
    )
    assert import_jobs.claimable_imports() == [job.pk]
    services.run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.created, job.unchanged, len(job.refused)) == ("finished", 2, 0, 1)


def test_a_job_that_failed_says_so_and_goes_on_when_told(owner_client: Client, job: ImportJob) -> None:
    ((_, stored),) = job.uploads
    kept = ImportJob.folder() / stored
    kept.rename(kept.with_suffix(".away"))
    with pytest.raises(FileNotFoundError):
        services.run_import(job.pk)
    assert b"by an error of ours" in owner_client.get(job.get_absolute_url()).content
    kept.with_suffix(".away").rename(kept)
    owner_client.post(f"{job.get_absolute_url()}again/")
    services.run_import(job.pk)
    job.refresh_from_db()
    assert (job.state, job.created, job.error) == ("finished", 2, "")


def test_an_import_is_shown_to_the_one_who_made_it(stranger_client: Client, job: ImportJob) -> None:
    assert stranger_client.get(job.get_absolute_url()).status_code == 404


def test_without_files_the_page_says_what_to_choose(owner_client: Client, shipped: EventModel) -> None:
    answer = owner_client.post("/rules/import/", {"rule_set": "Mine"})
    assert (answer.status_code, ImportJob.objects.count()) == (422, 0)
    assert b"Choose one or more" in answer.content
    assert b'value="Mine"' in answer.content


def test_without_a_set_nothing_is_stored(owner_client: Client, shipped: EventModel) -> None:
    answer = upload(owner_client, rule_set="", one_yml=b"title: x")
    assert (answer.status_code, ImportJob.objects.count(), RuleSet.objects.count()) == (422, 0, 0)


def test_an_encrypted_zip_is_refused_on_the_jobs_page(owner_client: Client, shipped: EventModel) -> None:
    content = zip_of({"one.yml": rule_text()})
    central = content.index(b"PK\x01\x02")
    encrypted = content[: central + 8] + b"\x01\x00" + content[central + 10 :]
    upload(owner_client, secret_zip=encrypted)
    job = ImportJob.objects.get()
    services.run_import(job.pk)
    page = owner_client.get(job.get_absolute_url()).content
    assert b"The archive is encrypted" in page
    assert not Rule.objects.exists()


def test_the_message_is_sent_once_the_job_can_be_seen(
    owner_client: Client, shipped: EventModel, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        upload(owner_client, one_yml=b"title: x")
    assert len(callbacks) == 1


def test_a_redis_that_is_down_loses_no_import(
    owner_client: Client, shipped: EventModel, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = upload(owner_client, one_yml=b"title: x")
    assert answer.status_code == 302
    assert import_jobs.claimable_imports() == [ImportJob.objects.get().pk]


def test_the_command_imports_a_folder_and_counts(tmp_path: Any, shipped: EventModel, capsys: Any) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.yml").write_text(rule_text())
    (tmp_path / "bad.yml").write_text(BROKEN)
    call_command("import_rules", str(tmp_path), rule_set="By hand")
    assert "By hand: 2 created, 0 updated, 0 unchanged; 1 of them broken" in capsys.readouterr().out
    assert set(Rule.objects.values_list("path", flat=True)) == {"bad.yml", "deep/one.yml"}


def test_the_command_names_what_it_refused(tmp_path: Any, shipped: EventModel, capsys: Any) -> None:
    (tmp_path / "bad.yml").write_bytes(b"\xff")
    call_command("import_rules", str(tmp_path))
    assert "refused: bad.yml" in capsys.readouterr().err


def test_the_command_says_when_there_is_no_such_path(tmp_path: Any, db: None) -> None:
    with pytest.raises(CommandError, match="There is no"):
        call_command("import_rules", str(tmp_path / "nothing"))
