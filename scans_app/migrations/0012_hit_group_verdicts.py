from django.db import migrations, models
from django.db.models import Count, F

VERDICTS = ("true_positive", "benign", "false_positive", "unsure")
KEYS = ("rule_id", "evidence_id", "level", "title", "computer", "channel", "event_code", "user")


def count_verdicts(apps, schema_editor):
    """Count the verdicts of the hits in groups: those that were judged are few."""
    Hit, HitGroup = apps.get_model("scans_app", "Hit"), apps.get_model("scans_app", "HitGroup")
    for scan in apps.get_model("scans_app", "Scan").objects.filter(is_grouped=True):
        judged = Hit.objects.filter(scan=scan, verdict__in=VERDICTS).order_by()
        for *keys, verdict, count in judged.values_list(*KEYS, "verdict").annotate(n=Count("pk")):
            groups = HitGroup.objects.filter(scan=scan, **dict(zip(KEYS, keys, strict=True)))
            groups.update(**{verdict: F(verdict) + count})


class Migration(migrations.Migration):
    dependencies = [("scans_app", "0011_cache_counts")]

    operations = [
        migrations.RemoveField("hitgroup", "judged"),
        *(
            migrations.AddField("hitgroup", verdict, models.PositiveBigIntegerField(default=0))
            for verdict in VERDICTS
        ),
        migrations.RunPython(count_verdicts, migrations.RunPython.noop),
    ]
