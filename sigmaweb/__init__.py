"""The Django project: settings, URLs, sign-in, the Celery application and the supervisor. No domain logic."""

from sigmaweb.celery import app as celery_app

__all__ = ["celery_app"]
