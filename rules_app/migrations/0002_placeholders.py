"""Placeholders of sets, and which of them each rule asks for."""

from django.db import migrations, models

from sigma_engine import parse_rules

ASKING = ("expand", "regexes", "allowlist")  # without one of these words a text asks for no list


def find_asked(apps, schema_editor):
    """Read the rules that may ask for lists, and keep the names of those lists."""
    Rule = apps.get_model("rules_app", "Rule")
    words = models.Q()
    for word in ASKING:
        words |= models.Q(current__text__contains=word)
    for pk, text in list(Rule.objects.filter(words).values_list("pk", "current__text")):
        parsed = parse_rules(text)
        if parsed and parsed[0].placeholders:
            Rule.objects.filter(pk=pk).update(placeholders=list(parsed[0].placeholders))


class Migration(migrations.Migration):
    dependencies = [("rules_app", "0001_initial")]

    operations = [
        migrations.AddField("ruleset", "placeholders", models.JSONField(blank=True, default=dict)),
        migrations.AddField("rule", "placeholders", models.JSONField(blank=True, default=list)),
        migrations.RunPython(find_asked, migrations.RunPython.noop),
    ]
