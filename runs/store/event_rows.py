"""The tables of runs, events and large values, and the statements that insert into them, for either connection."""

from collections.abc import Callable, Collection, Mapping, Sequence

import orjson

from runs.models import Payload, RunEvent, WorkflowRun
from runs.models.event import PayloadUse

from .large_values import PayloadRow

RUNS = WorkflowRun._meta.db_table
EVENTS = RunEvent._meta.db_table
PAYLOADS = Payload._meta.db_table
PAYLOAD_USES = PayloadUse._meta.db_table

INSERT_EVENT = f"INSERT INTO {EVENTS} (run_id, seq, type, at, data, large) VALUES (%s, %s, %s, %s, %s, %s)"  # noqa: S608
MANY = 50  # rows of one statement
INSERT_MANY = f"{INSERT_EVENT}{', (%s, %s, %s, %s, %s, %s)' * (MANY - 1)}"
INSERT_EVENTS = (  # PostgreSQL: one statement for all
    f"INSERT INTO {EVENTS} (run_id, seq, type, at, data, large) SELECT run_id, seq, type, at, data, large::jsonb"  # noqa: S608
    " FROM unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %s::bytea[], %s::text[])"
    " AS new(run_id, seq, type, at, data, large)"
)
INSERT_PAYLOAD = f"INSERT INTO {PAYLOADS} (sha256, data, parts) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"  # noqa: S608
# PostgreSQL: to touch a row that is there already keeps a purge from deleting it before this use of it is committed.
TOUCH_PAYLOAD = (
    f"INSERT INTO {PAYLOADS} (sha256, data, parts) VALUES (%s, %s, %s)"  # noqa: S608
    " ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256"
)
INSERT_USE = f"INSERT INTO {PAYLOAD_USES} (sha256, run_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"  # noqa: S608


def store_payloads(
    executemany: Callable[[str, Sequence[Sequence[object]]], object],
    payloads: Mapping[str, tuple[PayloadRow, Collection[str]]],
    *,
    on_postgresql: bool,
) -> None:
    """Store rows of large values, by SHA-256, each with the runs that use it from now on.

    A run that uses a row uses its parts, too, and hands them in with it: a purge may delete them in any order.
    """
    ordered = sorted(payloads.items())  # in one order, so that two writers never wait for each other
    executemany(
        TOUCH_PAYLOAD if on_postgresql else INSERT_PAYLOAD,
        [
            (row.sha256, row.data, None if row.parts is None else orjson.dumps(row.parts).decode())
            for _, (row, _) in ordered
        ],
    )
    executemany(INSERT_USE, [(sha256, run_id) for sha256, (_, runs) in ordered for run_id in sorted(runs)])
