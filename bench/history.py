"""W8 and W10: what the pages of the history ask the database for, over ten thousand and over a million runs."""

from urllib.parse import urlencode

from django.db import connection
from django.http import QueryDict

from runs.forms.run_filter import RunFilter
from runs.models import WorkflowDefinition, WorkflowVersion
from runs.models.run_walk import RunWalk
from runs.views.run_rows import RUNS_PER_PAGE, read_page

from .measuring import now, quantile

WORKFLOWS = ("order-fulfilment", "csv-profile", "site-check", "text-stream")
STATUSES = ("success", "failed", "canceled", "suspended", "running")
# Of a hundred runs, how many carry the tag. What is rare is what a filter finds it hard to meet.
TAGS = {"nightly": 20, "eu-west": 5, "priority": 1}
REPEATS = 50
# A month of cards, evenly apart; `dice` is different for each, and the same in each call.
CARDS = """
INSERT INTO runs_workflowrun (id, workflow_id, version_id, status, queued, priority, created_at, updated_at, started_at,
    ended_at, epoch, last_seq, worker, actor_label, resource_id, tags, trace_id, span_id, origin_step, detail)
WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < %s),
made AS (
    SELECT n, n * 7919 %% 100 AS dice, strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now', '-30 days',
        (n * 2592000.0 / (SELECT max(n) + 1 FROM number)) || ' seconds') AS created FROM number)
SELECT printf('%%08x-bench', n), definition.id, definition.version, CASE
        WHEN dice < 90 THEN 'success' WHEN dice < 96 THEN 'failed' WHEN dice < 98 THEN 'canceled'
        WHEN dice < 99 THEN 'suspended' ELSE 'running' END,
    FALSE, 0, created, created, created, CASE WHEN dice < 98 THEN created END, 1, 12, '',
    CASE n %% 3 WHEN 0 THEN 'mara' WHEN 1 THEN 'jonas' ELSE 'command line' END, '', '[]', printf('%%032x', n), '', '',
    CASE WHEN dice BETWEEN 90 AND 95 THEN 'charge_card: card declined by issuer' ELSE '' END
FROM made JOIN (
    SELECT id, row_number() OVER (ORDER BY id) - 1 AS place,
        (SELECT min(id) FROM runs_workflowversion WHERE definition_id = runs_workflowdefinition.id) AS version
    FROM runs_workflowdefinition WHERE id IN ('order-fulfilment', 'csv-profile', 'site-check', 'text-stream')
) AS definition ON definition.place = n / 7 %% 4
"""
TAGGED = """
INSERT INTO runs_runtag (tag, run_id, created_at)
SELECT %s, id, created_at FROM runs_workflowrun WHERE rowid * 104729 %% 100 < %s
"""
FILTERS = (
    "",
    *(f"status:{status}" for status in STATUSES),
    "status:failed,canceled",
    *(f"tag:{tag}" for tag in TAGS),
    "tag:priority status:failed",
    "-tag:nightly",
    "workflow:site-check",
    "workflow:site-check status:failed",
    "who:mara",
    "trace:00000000000000000000000000012345",
    "started>-24h",
    "started<-7d",
    "started<-7d status:failed workflow:csv-profile",
    "declined",
)


def seed(runs: int) -> None:
    """That many cards with their tags; no events: lists never read them. SQLite makes them up itself."""
    for name in WORKFLOWS:
        definition, _ = WorkflowDefinition.objects.get_or_create(pk=name, defaults={"origin": "code"})
        if not definition.versions.exists():
            WorkflowVersion.objects.create(definition=definition, number=1, graph=[], steps={})
    with connection.cursor() as cursor:
        cursor.execute(CARDS, [runs])
        for tag, share in TAGS.items():
            cursor.execute(TAGGED, [tag, share])


def asked(text: str) -> RunWalk:
    """The walk of a filter, as somebody types it into the box."""
    return RunFilter.read(QueryDict(urlencode({"q": text}))).walk()


def w8() -> dict[str, float]:
    figures = {}
    for name, text in {"newest_ms": "", "status_ms": "status:failed", "tag_ms": "tag:eu-west"}.items():
        times = []
        for _ in range(REPEATS):
            began = now()
            found = asked(text).page(RUNS_PER_PAGE)
            times.append((now() - began) * 1000)
            assert len(found) == RUNS_PER_PAGE
        figures[name] = quantile(times, 0.5)
    return figures


def w10() -> dict[str, float]:
    """Two pages of each filter, the newest one and the one after it, with all that their rows show."""
    times: list[tuple[float, str]] = []
    for _ in range(5):
        for text in FILTERS:
            before = ""
            for _ in range(2):
                began = now()
                page = read_page(asked(text), before=before)
                times.append(((now() - began) * 1000, text))
                before = page.older
                if not before:
                    break
    slowest = max(times)
    print(f"  slowest: {slowest[1] or 'no filter'}, {slowest[0]:.1f} ms", flush=True)
    return {"p95_ms": quantile([ms for ms, _ in times], 0.95), "p50_ms": quantile([ms for ms, _ in times], 0.5)}
