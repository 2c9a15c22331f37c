from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scans_app", "0014_trial_filters")]

    operations = [migrations.AddField("scan", "hit_times", models.JSONField(default=dict))]
