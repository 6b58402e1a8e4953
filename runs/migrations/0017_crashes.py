"""How often the server process ended while a run's steps were at work."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0016_trace_numbers")]

    operations = [
        migrations.AddField("workflowrun", "crashes", models.JSONField(blank=True, editable=False, null=True)),
    ]
