"""Which runs hold a large value, for those that were stored before it was noted."""

import json

from django.db import migrations

ROWS_AT_ONCE = 1_000


def note_uses(apps, schema_editor):
    event, payload, use = (apps.get_model("runs", name) for name in ("RunEvent", "Payload", "PayloadUse"))
    members = {}
    for sha256, parts in payload.objects.filter(parts__isnull=False).values_list("sha256", "parts"):
        members[sha256] = [digest for _, digest in parts]
    rows = set()
    for run_id, large in event.objects.filter(large__isnull=False).values_list("run_id", "large").iterator():
        digests = json.loads(large) if isinstance(large, str) else large
        for digest in digests.values():
            rows |= {(digest, run_id), *((member, run_id) for member in members.get(digest, ()))}
        if len(rows) >= ROWS_AT_ONCE:
            _store(use, rows)
            rows.clear()
    _store(use, rows)


def _store(use, rows):
    use.objects.bulk_create([use(sha256=sha256, run_id=run_id) for sha256, run_id in rows], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("runs", "0008_retention")]

    operations = [migrations.RunPython(note_uses, migrations.RunPython.noop)]
