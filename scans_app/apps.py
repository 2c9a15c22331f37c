"""The app of cases, evidence, scans, hits and their review."""

from django.apps import AppConfig


class ScansAppConfig(AppConfig):
    name = "scans_app"
    verbose_name = "Cases"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have a say in what is published: `rules_app` knows nothing of scans and their verdicts."""
        from rules_app.services.publishing import add_gate
        from scans_app.hit_diff_page import losses_not_accepted

        add_gate(losses_not_accepted)
