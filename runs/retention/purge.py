"""Deletes runs and what they hold, in transactions so short that nobody who writes waits for them.

The values of a run go first: inputs, results, steps, chunks, spans and all that other tables keep of it. Its card tells
from then on when that was. The card goes last, if it goes at all.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from runs.engine.data.clock import now_ms
from runs.store.connection import Connection, PostgresConnection, moment
from runs.store.deletion import SPANS, delete_payload, delete_row, payloads_of, spans_of, tables_of_runs
from runs.store.event_rows import EVENTS, RUNS

ENDED = "ended_at IS NOT NULL AND NOT queued AND status IN ('success', 'failed', 'tripwire', 'canceled')"

FEWEST_ROWS, MOST_ROWS = 20, 5_000  # of one transaction
SHORT_SECONDS, LONG_SECONDS = 0.004, 0.012  # of one transaction: below, the next one is larger; above, smaller
LEAST_PAUSE_SECONDS = 0.002


class Old(NamedTuple):
    """A run that is to be purged."""

    run_id: str
    events: int


class Purge:
    """Deletes what it is given, over one connection. Keeps its own pace: see `_unit()`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.runs = 0  # deleted altogether
        self.values = 0  # whose cards stay
        self.events = self.payloads = 0
        self.longest = 0.0  # seconds of its longest transaction
        self._rows = FEWEST_ROWS
        self._on_postgresql = isinstance(connection, PostgresConnection)

    def delete_values(self, runs: Sequence[Old]) -> None:
        """Delete the history and the values of runs that have ended; their cards stay, and tell it."""
        for some in self._portions(self._marked(runs)):
            ids = [run.run_id for run in some]
            if len(some) == 1:
                self._shorten(some[0])
            with self._unit():
                sql = f"DELETE FROM {EVENTS} WHERE run_id IN {_marks(ids)}"  # noqa: S608
                self.events += self.connection.execute(sql, ids).rowcount
            for run_id in ids:
                self._delete_payloads(run_id)
                self._delete_spans(run_id)
            for table in tables_of_runs():
                self._delete_rows(table, ids)
            with self._unit():
                # Only now is it whole: a purge that was broken off is taken up where it stood.
                self.connection.execute(f"UPDATE {RUNS} SET last_seq = 0 WHERE id IN {_marks(ids)}", ids)  # noqa: S608
            self.values += len(ids)

    def delete_runs(self, runs: Sequence[Old]) -> None:
        """Delete runs altogether, their values first."""
        emptied = self.values
        self.delete_values([run for run in runs if run.events])
        self.values = emptied  # counts those whose cards stay
        for some in self._portions([run._replace(events=5) for run in runs]):
            ids = [run.run_id for run in some]
            with self._unit():
                # A run that was sent back to a step meanwhile has not ended, and stays.
                gone = self.connection.execute(
                    f"SELECT id FROM {RUNS} WHERE id IN {_marks(ids)} AND {ENDED} AND last_seq = 0",  # noqa: S608
                    ids,
                ).fetchall()
                self.runs += sum(delete_row(self.connection, run_id) for (run_id,) in gone)

    def _marked(self, runs: Sequence[Old]) -> list[Old]:
        """Note on the cards that their values are gone, before the first one is: nobody sets these runs going now."""
        marked: list[Old] = []
        now = moment(now_ms())
        for start in range(0, len(runs), FEWEST_ROWS):
            some = runs[start : start + FEWEST_ROWS]
            ids = [run.run_id for run in some]
            with self._unit():
                rows = self.connection.execute(
                    f"UPDATE {RUNS} SET purged_at = COALESCE(purged_at, %s) WHERE id IN {_marks(ids)} AND {ENDED}"  # noqa: S608
                    " RETURNING id",
                    [now, *ids],
                ).fetchall()
            held = {run_id for (run_id,) in rows}
            marked += [run for run in some if run.run_id in held]
        return marked

    def _portions(self, runs: Sequence[Old]) -> Iterator[list[Old]]:
        """Runs whose events fit into one transaction together; a long one is alone."""
        some: list[Old] = []
        size = 0
        for run in runs:
            if some and size + run.events > self._rows:
                yield some
                some, size = [], 0
            some.append(run)
            size += run.events
        if some:
            yield some

    def _shorten(self, run: Old) -> None:
        """Delete a long log from its beginning, as far as one transaction shall not do it."""
        seq = 0
        while run.events - seq > self._rows:
            seq += self._rows
            with self._unit():
                sql = f"DELETE FROM {EVENTS} WHERE run_id = %s AND seq <= %s"  # noqa: S608
                self.events += self.connection.execute(sql, (run.run_id, seq)).rowcount

    def _delete_payloads(self, run_id: str) -> None:
        for digest in payloads_of(self.connection, run_id):  # one by one: each may have many megabytes
            with self._unit():
                self.payloads += delete_payload(self.connection, run_id, digest)

    def _delete_spans(self, run_id: str) -> None:
        self._delete_by_id(SPANS, spans_of(self.connection, run_id))

    def _delete_by_id(self, table: str, ids: Sequence[int]) -> None:
        start = 0
        while start < len(ids):
            some = ids[start : start + min(self._rows, 500)]
            start += len(some)
            with self._unit():
                self.connection.execute(f"DELETE FROM {table} WHERE id IN {_marks(some)}", some)  # noqa: S608

    def _delete_rows(self, table: str, run_ids: Sequence[str]) -> None:
        row = "ctid" if self._on_postgresql else "rowid"
        deleted = 1
        while deleted:
            with self._unit():
                deleted = self.connection.execute(
                    f"DELETE FROM {table} WHERE {row} IN"  # noqa: S608
                    f" (SELECT {row} FROM {table} WHERE run_id IN {_marks(run_ids)} LIMIT %s)",
                    [*run_ids, self._rows],
                ).rowcount

    @contextmanager
    def _unit(self) -> Iterator[None]:
        """One transaction. How long it took decides how large the next one is, and how long others have their turn."""
        self.connection.begin()
        began = time.monotonic()  # the wait for others is not ours
        try:
            yield
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise
        took = time.monotonic() - began
        self.longest = max(self.longest, took)
        if took > LONG_SECONDS:
            self._rows = max(self._rows // 2, FEWEST_ROWS)
        elif took < SHORT_SECONDS:
            self._rows = min(self._rows * 2, MOST_ROWS)
        time.sleep(max(took, LEAST_PAUSE_SECONDS))


def _marks(values: Collection[object]) -> str:
    return f"({', '.join(['%s'] * len(values))})"
