"""Celery's doors to the services of this app."""

from celery import shared_task

from rules_app import services
from rules_app.services.import_jobs import claimable_imports


@shared_task
def run_import(*, import_job_id: int) -> bool:
    """Run one import job, unless another worker has it."""
    return services.run_import(import_job_id)


@shared_task
def resume_imports() -> list[int]:
    """Run what waits: jobs whose message was lost, and jobs whose worker died."""
    return [pk for pk in claimable_imports() if services.run_import(pk)]
