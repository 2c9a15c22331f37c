"""Hit diffs of rule versions on scans, and the losses that people accepted."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rules_app", "0004_reviews"),
        ("scans_app", "0007_funnels"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HitDiff",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("crashes", models.PositiveSmallIntegerField(default=0)),
                ("fence", models.PositiveBigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("owner", models.CharField(blank=True, max_length=80)),
                ("in_scan", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("file", models.PositiveIntegerField(default=0)),
                ("chunk", models.PositiveIntegerField(default=0)),
                ("chunks_read", models.PositiveIntegerField(default=0)),
                ("chunks_total", models.PositiveIntegerField(default=0)),
                ("events", models.PositiveBigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0.0)),
                ("new_hits", models.JSONField(default=dict)),
                ("old_hits", models.JSONField(default=dict)),
                ("gained_rows", models.JSONField(default=list)),
                ("lost_rows", models.JSONField(default=list)),
                ("kept", models.PositiveIntegerField(default=0)),
                ("gained", models.PositiveIntegerField(default=0)),
                ("lost", models.PositiveIntegerField(default=0)),
                ("problems", models.JSONField(default=list)),
                ("error", models.TextField(blank=True)),
                (
                    "base_version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="rules_app.ruleversion",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "rule_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="rules_app.ruleversion",
                    ),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hit_diffs",
                        to="scans_app.scan",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="AcceptedLoss",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "hit",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scans_app.hit",
                    ),
                ),
                (
                    "diff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="accepted",
                        to="scans_app.hitdiff",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
        migrations.AddIndex(
            model_name="hitdiff",
            index=models.Index(models.F("state"), models.F("lease_until"), name="hit_diff_claimable"),
        ),
        migrations.AddConstraint(
            model_name="hitdiff",
            constraint=models.UniqueConstraint(fields=("rule_version", "scan"), name="hit_diff_once"),
        ),
        migrations.AddConstraint(
            model_name="acceptedloss",
            constraint=models.UniqueConstraint(fields=("diff", "hit"), name="loss_accepted_once"),
        ),
    ]
