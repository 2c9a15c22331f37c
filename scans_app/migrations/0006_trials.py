"""Trials: a rule's text that is not saved, run over evidence."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("scans_app", "0005_near_searches"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("capped", "Stopped at its limit"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=20,
                    ),
                ),
                ("text", models.TextField()),
                ("placeholders", models.JSONField(default=dict)),
                ("evidence", models.JSONField(default=list)),
                ("file", models.PositiveIntegerField(default=0)),
                ("chunk", models.PositiveIntegerField(default=0)),
                ("step", models.PositiveIntegerField(default=0)),
                ("events", models.PositiveBigIntegerField(default=0)),
                ("events_done", models.PositiveBigIntegerField(default=0)),
                ("events_total", models.PositiveBigIntegerField(default=0)),
                ("source_events", models.PositiveBigIntegerField(default=0)),
                ("hits", models.PositiveBigIntegerField(default=0)),
                ("first_time", models.BigIntegerField(default=0)),
                ("last_time", models.BigIntegerField(default=0)),
                ("bins", models.JSONField(default=list)),
                ("values", models.JSONField(default=dict)),
                ("samples", models.JSONField(default=list)),
                ("problems", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="trials",
                        to="scans_app.case",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="trials",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-pk"]},
        ),
    ]
