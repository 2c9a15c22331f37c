import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rules_app", "0004_reviews"),
        ("scans_app", "0006_trials"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScanSources",
            fields=[
                (
                    "scan",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="seen_sources",
                        serialize=False,
                        to="scans_app.scan",
                    ),
                ),
                ("events", models.PositiveBigIntegerField(default=0)),
                ("sources", models.JSONField(default=list)),
                ("missing_fields", models.JSONField(default=list)),
                ("failed_lambdas", models.JSONField(default=list)),
            ],
        ),
        migrations.CreateModel(
            name="UnitFunnel",
            fields=[
                (
                    "unit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="funnel",
                        serialize=False,
                        to="scans_app.scanunit",
                    ),
                ),
                ("counts", models.BinaryField()),
            ],
        ),
        migrations.AddField(
            model_name="scan",
            name="debug",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="scanunit",
            name="source_seconds",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="ScanFunnel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("title", models.CharField(max_length=500)),
                ("level", models.PositiveSmallIntegerField(default=0)),
                ("logsource", models.CharField(blank=True, max_length=310)),
                (
                    "stopped_at",
                    models.CharField(
                        choices=[
                            ("hit", "Hit"),
                            ("no_events", "No event of its log source"),
                            ("field", "A field was never there"),
                            ("selection", "No value matched"),
                            ("filter", "A filter took all"),
                            ("condition", "Never all in one event"),
                            ("correlation", "Too few in a window"),
                            ("not_served", "Not served by the model"),
                            ("not_selected", "Left out by the choice"),
                            ("disabled", "Switched off"),
                            ("unpublished", "Only a draft"),
                            ("broken", "Broken"),
                            ("not_run", "What it refers to does not run"),
                        ],
                        max_length=14,
                    ),
                ),
                ("cause", models.CharField(blank=True, max_length=20)),
                ("sentence", models.TextField(blank=True)),
                ("line", models.PositiveIntegerField(default=0)),
                ("of_source", models.PositiveBigIntegerField(default=0)),
                ("fields_present", models.PositiveBigIntegerField(default=0)),
                ("any_selection", models.PositiveBigIntegerField(default=0)),
                ("condition", models.PositiveBigIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                (
                    "rule",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="rules_app.rule",
                    ),
                ),
                (
                    "rule_version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="rules_app.ruleversion",
                    ),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="funnels",
                        to="scans_app.scan",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
                "indexes": [
                    models.Index(models.F("scan"), models.F("stopped_at"), name="scan_funnel_stopped_at"),
                    models.Index(models.F("scan"), models.F("rule"), name="scan_funnel_rule"),
                ],
            },
        ),
    ]
