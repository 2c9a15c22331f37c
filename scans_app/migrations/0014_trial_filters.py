"""What global filters take away is counted apart in a trial."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scans_app", "0013_triage")]
    operations = [
        migrations.AddField(
            model_name="trial",
            name="taken",
            field=models.JSONField(default=dict),
        ),
    ]
