"""Functions that go on in their threads although their steps are over: kept on the cards of their runs.

Python can end no thread. The page of a run that was canceled tells what of it still goes on, and since when.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import orjson

from runs.engine.data.clock import now_ms
from runs.models import WorkflowRun
from runs.store.connection import Connection
from runs.store.writer import Writer

RUNS = WorkflowRun._meta.db_table
TELL_SECONDS = 0.3  # most functions see that their step is over, and end: not worth a word


class AbandonedThreads:
    """Of the runs of one executor. For its event loop alone."""

    def __init__(self, writer: Writer, worker: str) -> None:
        self._writer = writer
        self._worker = worker
        self._since: defaultdict[str, dict[int, tuple[str, int]]] = defaultdict(dict)  # by run: path, epoch ms
        self._told: set[str] = set()
        self._tasks: set[asyncio.Task[object]] = set()
        self._number = 0

    def of_run(self, run_id: str) -> Callable[[str], Callable[[], None]]:
        """What the engine calls with the path of a step whose function is left behind; see LeftBehind."""

        def left(path: str) -> Callable[[], None]:
            self._number = number = self._number + 1
            self._since[run_id][number] = (path, now_ms())
            asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell, run_id)
            return lambda: self._ended(run_id, number)

        return left

    def _ended(self, run_id: str, number: int) -> None:
        self._since[run_id].pop(number, None)
        if run_id in self._told:
            self._tell(run_id)

    def _tell(self, run_id: str) -> None:
        paths: dict[str, int] = {}
        for path, since in self._since[run_id].values():
            paths[path] = min(since, paths.get(path, since))
        if not paths:
            del self._since[run_id]
        if paths or run_id in self._told:
            self._told.add(run_id) if paths else self._told.discard(run_id)
            task = asyncio.get_running_loop().create_task(self._store(run_id, paths))
            self._tasks.add(task)  # the loop itself holds tasks weakly
            task.add_done_callback(self._tasks.discard)

    async def _store(self, run_id: str, paths: dict[str, int]) -> None:
        text = orjson.dumps(paths).decode() if paths else None

        def write(connection: Connection) -> None:
            # Not under the epoch: the run may be anybody's by now, the thread is still ours. Where somebody else works
            # on the run, its card is his.
            connection.execute(
                f"UPDATE {RUNS} SET lingering = %s WHERE id = %s AND worker = %s",  # noqa: S608
                (text, run_id, self._worker),
            )

        await self._writer.perform(write)


def forget_abandoned_threads(connection: Connection) -> None:
    """The threads ended with their process. For whoever alone executes runs, before it begins."""
    connection.execute(f"UPDATE {RUNS} SET lingering = NULL WHERE lingering IS NOT NULL")  # noqa: S608
