"""The callers' keys and what was asked with them, in a column each: until now the key had both, one behind the other."""

from django.db import migrations, models
from django.db.models.functions import Length

KEY_LENGTH = 32
BATCH = 500


def split(apps, schema_editor):
    run = apps.get_model("runs", "WorkflowRun")
    keyed = run.objects.annotate(length=Length("start_key")).filter(length=2 * KEY_LENGTH)
    seen, found = set(), []
    # The forms' keys have a dot.
    for card in keyed.exclude(start_key__contains=".").only("id", "start_key").order_by("created_at").iterator():
        key, digest = card.start_key[:KEY_LENGTH], card.start_key[KEY_LENGTH:]
        if key not in seen:  # two requests of the same moment could both get through; the first one has the key
            seen.add(key)
            card.start_key, card.start_digest = key, digest
            found.append(card)
    run.objects.bulk_update(found, ["start_key", "start_digest"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("runs", "0012_webhooks")]

    operations = [
        migrations.AddField("workflowrun", "start_digest", models.CharField(blank=True, max_length=32, null=True)),
        migrations.RunPython(split, migrations.RunPython.noop),
    ]
