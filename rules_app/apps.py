"""The app of rules, rule sets and event models."""

from django.apps import AppConfig


class RulesAppConfig(AppConfig):
    name = "rules_app"
    verbose_name = "Rules"
    default_auto_field = "django.db.models.BigAutoField"
