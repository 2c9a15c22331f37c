import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def delete_what_waits(apps, schema_editor):
    """Cases that wait to be deleted get the row that workers go by now."""
    Case, Deletion = apps.get_model("scans_app", "Case"), apps.get_model("scans_app", "Deletion")
    for case in Case.objects.exclude(state="open"):
        Deletion.objects.create(kind="case", case=case, case_name=case.name, name=case.name)
    Case.objects.exclude(state="open").update(state="deleting")


class Migration(migrations.Migration):
    dependencies = [
        ("scans_app", "0012_hit_group_verdicts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CaseAct",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("case", "made the case"),
                            ("member", "changed the members"),
                            ("evidence", "added evidence"),
                            ("scan", "started a scan"),
                            ("cancel", "cancelled a scan"),
                            ("verdict", "judged"),
                            ("undo", "undid a verdict"),
                            ("assignment", "assigned"),
                            ("star", "starred"),
                            ("deletion", "deleted"),
                        ],
                        max_length=12,
                    ),
                ),
                ("count", models.PositiveIntegerField(default=1)),
                ("facts", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Deletion",
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
                (
                    "kind",
                    models.CharField(
                        choices=[("scan", "Scan"), ("evidence", "Evidence"), ("case", "Case")], max_length=10
                    ),
                ),
                ("case_name", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=500)),
                ("scans", models.JSONField(default=list)),
                ("files", models.JSONField(default=list)),
                ("facts", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("working", "Being deleted"), ("gone", "Gone")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("rows_total", models.PositiveBigIntegerField(default=0)),
                ("rows_done", models.PositiveBigIntegerField(default=0)),
                ("author_name", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="HitAssignment",
            fields=[
                (
                    "hit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="assignment",
                        serialize=False,
                        to="scans_app.hit",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="HitStar",
            fields=[
                (
                    "hit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="star",
                        serialize=False,
                        to="scans_app.hit",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="evidence",
            name="evidence_bytes_once_in_case",
        ),
        migrations.RemoveField(
            model_name="case",
            name="attempt",
        ),
        migrations.RemoveField(
            model_name="case",
            name="crashes",
        ),
        migrations.RemoveField(
            model_name="case",
            name="fence",
        ),
        migrations.RemoveField(
            model_name="case",
            name="lease_until",
        ),
        migrations.RemoveField(
            model_name="case",
            name="owner",
        ),
        migrations.AddField(
            model_name="evidence",
            name="is_deleting",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="hitjudgement",
            name="before",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Unjudged"),
                    ("true_positive", "True positive"),
                    ("benign", "Benign"),
                    ("false_positive", "False positive"),
                    ("unsure", "Unsure"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="hitjudgement",
            name="is_undo",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="scan",
            name="is_deleting",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="case",
            name="state",
            field=models.CharField(
                choices=[("open", "Open"), ("deleting", "Being deleted")], default="open", max_length=20
            ),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.UniqueConstraint(
                condition=models.Q(models.Q(("state", "refused"), _negated=True), ("is_deleting", False)),
                fields=("case", "sha256"),
                name="evidence_bytes_once_in_case",
            ),
        ),
        migrations.AddField(
            model_name="caseact",
            name="author",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="caseact",
            name="case",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="acts",
                to="scans_app.case",
            ),
        ),
        migrations.AddField(
            model_name="hitjudgement",
            name="act",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="judgements",
                to="scans_app.caseact",
            ),
        ),
        migrations.AddField(
            model_name="deletion",
            name="author",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="deletion",
            name="case",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="scans_app.case",
            ),
        ),
        migrations.AddField(
            model_name="hitassignment",
            name="assignee",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="hitassignment",
            name="author",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="hitassignment",
            name="scan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="scans_app.scan"
            ),
        ),
        migrations.AddField(
            model_name="hitstar",
            name="author",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="hitstar",
            name="scan",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="scans_app.scan"
            ),
        ),
        migrations.AddIndex(
            model_name="caseact",
            index=models.Index(models.F("case"), models.F("id"), name="case_act_by_case"),
        ),
        migrations.AddIndex(
            model_name="deletion",
            index=models.Index(models.F("state"), models.F("lease_until"), name="deletion_claimable"),
        ),
        migrations.RunPython(delete_what_waits, migrations.RunPython.noop),
    ]
