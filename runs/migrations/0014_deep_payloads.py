"""Large values in large values, as earlier releases stored them: rows whose parts were mixed up, and uses not noted.

Earlier releases named a row by the SHA-256 of its whole value, also of a row with parts, and read and noted parts of
one level. A start could take the parts from a row that had them, or give parts to a row that had the whole value.
"""

import itertools
import json
from hashlib import sha256

from django.db import migrations

AT_ONCE = 50  # rows of values, each of which may have megabytes
USES_AT_ONCE = 1_000
MOST_TRIES = 300  # of members that may belong to a row


def mend_rows(apps, schema_editor):
    """Find the rows whose data and parts do not fit each other, and set the parts right."""
    payload, use = (apps.get_model("runs", name) for name in ("Payload", "PayloadUse"))
    bare, last = [], ""
    while rows := list(payload.objects.filter(sha256__gt=last).order_by("sha256").values_list()[:AT_ONCE]):
        last = rows[-1][0]
        for digest, data, parts in rows:
            is_whole = sha256(bytes(data)).hexdigest() == digest
            if parts is not None and is_whole:
                payload.objects.filter(sha256=digest).update(parts=None)
            elif parts is None and not is_whole:
                bare.append(digest)
    while bare and (mended := [digest for digest in bare if _mend(payload, use, digest)]):
        bare = [digest for digest in bare if digest not in mended]  # one that is whole may be what another one lacks


def _mend(payload, use, digest):
    """Find the members that a row lacks among the values of the runs that use it: together they have its SHA-256."""
    data = bytes(payload.objects.get(sha256=digest).data)
    gaps = _gaps(data)
    runs = use.objects.filter(sha256=digest).values("run_id")
    names = use.objects.filter(run_id__in=runs).exclude(sha256=digest).values_list("sha256", flat=True).distinct()
    values = [] if not gaps else [(name, text) for name in sorted(names) if (text := _whole(payload, name)) is not None]
    for members in itertools.islice(itertools.product(values, repeat=len(gaps)), MOST_TRIES):
        start, pieces = 0, []
        for place, (_, text) in zip(gaps, members, strict=True):
            pieces += [data[start:place], text]
            start = place
        if sha256(b"".join([*pieces, data[start:]])).hexdigest() == digest:
            parts = [[place, name] for place, (name, _) in zip(gaps, members, strict=True)]
            payload.objects.filter(sha256=digest).update(parts=parts)
            return bool(gaps)
    return False


def _gaps(data):
    """Where an object's text has a key and no value."""
    gaps, decoder = [], json.JSONDecoder()
    try:
        text = data.decode()
        place = 1
        while text[place] != "}":
            _, place = decoder.raw_decode(text, place)
            place += 1  # the colon
            if text[place] in ",}":
                gaps.append(len(text[:place].encode()))
            else:
                _, place = decoder.raw_decode(text, place)
            place += text[place] == ","
    except (ValueError, IndexError):
        return []
    return gaps


def _whole(payload, digest, depth=0):
    """A value with its parts in their places. None: it cannot be put together."""
    row = payload.objects.filter(sha256=digest).first()
    if row is None or depth > 100:
        return None
    data, pieces, start = bytes(row.data), [], 0
    for place, name in row.parts or []:
        member = _whole(payload, name, depth + 1)
        if member is None:
            return None
        pieces += [data[start:place], member]
        start = place
    return b"".join([*pieces, data[start:]])


def note_uses(apps, schema_editor):
    """Note for each run that it uses the parts of its values, at every depth: a purge of another run leaves them."""
    event, payload, use = (apps.get_model("runs", name) for name in ("RunEvent", "Payload", "PayloadUse"))
    parts = {}
    for digest, places in payload.objects.filter(parts__isnull=False).values_list("sha256", "parts").iterator():
        parts[digest] = [name for _, name in places]
    rows = set()
    for run_id, large in event.objects.filter(large__isnull=False).values_list("run_id", "large").iterator():
        names = json.loads(large) if isinstance(large, str) else large
        wanted, seen = list(names.values()), set()
        while wanted:
            name = wanted.pop()
            if name not in seen:
                seen.add(name)
                wanted += parts.get(name, ())
        rows |= {(name, run_id) for name in seen}
        if len(rows) >= USES_AT_ONCE:
            _store(use, rows)
            rows.clear()
    _store(use, rows)


def _store(use, rows):
    use.objects.bulk_create([use(sha256=sha256, run_id=run_id) for sha256, run_id in rows], ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("runs", "0013_start_digest")]

    operations = [
        migrations.RunPython(mend_rows, migrations.RunPython.noop),
        migrations.RunPython(note_uses, migrations.RunPython.noop),
    ]
