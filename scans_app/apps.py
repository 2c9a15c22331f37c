"""The app of cases, evidence, scans, hits and their review."""

from django.apps import AppConfig


class ScansAppConfig(AppConfig):
    name = "scans_app"
    verbose_name = "Cases"
    default_auto_field = "django.db.models.BigAutoField"
