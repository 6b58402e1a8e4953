"""A process beside the server, on the same data: it starts runs as manage.py does, and judges what was stored.

Speaks JSON, a line for a line: `["start", 64]` gives the ids of 64 runs; see `Inside` in tests/chaos/beside.py.
"""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")

LEDGER = ""
CHANCE = random.Random()
UNLIKE = {"ledger", "seconds", "nap"}


def start(count: int) -> list[str]:
    """Start so many runs, of all workflows in turn."""
    from runs.actions.start import StartRequest, start_run
    from runs.models.audit import Actor

    ids = []
    for _ in range(count):
        workflow = CHANCE.choice(["loops", "forks", "naps", "flood"])
        given: dict[str, Any] = {"ledger": LEDGER, "chunks": CHANCE.randint(1, 6), "n": CHANCE.randint(0, 2)}
        given |= {"seconds": round(CHANCE.uniform(0.02, 0.2), 2), "nap": CHANCE.choice([0.1, 1.5])}
        if workflow == "flood":
            given = {"ledger": LEDGER, "events": 400, "bytes": 60, "seconds": 1.5}
        run = start_run(StartRequest(workflow_id=workflow, input=given), actor=Actor("chaos"))
        ids.append(run.id)
    return ids


def top_up(count: int) -> list[str]:
    """Start as many as are missing to so many active ones."""
    return start(max(0, count - active()))


def active() -> int:
    from runs.models import WorkflowRun

    return WorkflowRun.objects.active().count()


def committed() -> int:
    """How many events are stored."""
    from runs.models import RunEvent

    return RunEvent.objects.count()


def workers() -> list[str]:
    """Who works on runs, or did last."""
    from runs.models import WorkflowRun

    return sorted(WorkflowRun.objects.active().exclude(worker="").values_list("worker", flat=True).distinct())


def verdict(kills: int) -> dict[str, Any]:
    """What is wrong with the runs, in sentences; and how many steps ran, and ran again."""
    from runs.models import WorkflowRun

    wrong: list[str] = []
    events = 0
    for run in WorkflowRun.objects.all():
        problems, count = _judged(run)
        wrong += [f"{run.workflow_id} {run.id}: {problem}" for problem in problems]
        events += count
    calls = Counter(Path(LEDGER).read_text().splitlines())
    wrong += [f"ran twice in one process: {line}" for line, times in calls.items() if times > 1]
    tries = Counter(line.rsplit(" ", 1)[0] for line in calls)
    wrong += [f"ran {times} times with {kills} kills: {line}" for line, times in tries.items() if times > kills + 1]
    return {
        "wrong": wrong[:20],
        "runs": WorkflowRun.objects.count(),
        "events": events,
        "steps": len(tries),
        "repeated": sum(tries.values()) - len(tries),
    }


def _judged(run: Any) -> tuple[list[str], int]:
    """What of a run is not as if its server had never died."""
    from runs.store.history import read_events, snapshot

    events = read_events(run.id)
    told = snapshot(run.id)
    given = events[0].decoded()["input"] | {"ledger": "", "seconds": 0, "nap": 0}
    status, result, state, steps = _as_if(run.workflow_id, json.dumps(given, sort_keys=True))
    problems = []
    if [event.seq for event in events] != list(range(1, run.last_seq + 1)):
        problems.append("its log has a gap or a number twice")
    if [event.type for event in events].count("workflow-finish") != 1 or events[-1].type != "workflow-finish":
        problems.append("it does not end once")
    if run.status != status:
        problems.append(f"ended as {run.status}, not {status}")
    if _plain(told.result) != result or _plain(told.state) != state:
        problems.append(f"gave {told.result}, {told.state}; not {result}, {state}")
    problems += Walk(events).problems(steps)
    return problems, len(events)


class Walk:
    """The steps of a log: what each has written since it last began, and whether one ran after it was done."""

    def __init__(self, events: list) -> None:
        self.wrong: list[str] = []
        self.outputs: dict[str, Any] = {}  # by step and round
        self.chunks: dict[str, list] = {}
        self._current: dict[str, str] = {}
        for event in events:
            self._take(event.type, event.decoded())

    def _take(self, type: str, data: dict[str, Any]) -> None:
        path = data.get("id", "")
        if type == "workflow-step-start":
            key = self._current[path] = f"{path}:{data.get('iteration', '')}"
            if key in self.outputs:
                self.wrong.append(f"{key} ran again after its result was stored")
            self.chunks[key] = []
        elif type == "workflow-step-retry":
            self.chunks[self._current[path]] = []
        elif type == "workflow-step-output":
            self.chunks[self._current[path]].append(data["output"])
        elif type == "workflow-step-result":
            self.outputs[self._current.get(path, path)] = _plain(data.get("output"))

    def problems(self, other: "Walk") -> list[str]:
        wrong = list(self.wrong)
        if self.outputs != other.outputs:
            wrong.append("the outputs of its steps are other ones")
        for key, chunks in other.chunks.items():
            if self.chunks.get(key) != chunks:
                wrong.append(f"{key} has not all its chunks, in order")
        return wrong


@cache
def _as_if(workflow_id: str, given: str) -> tuple[str, Any, Any, Walk]:
    """How a run of this input ends in a process that lives: in memory, without sleep."""
    from runs.engine.log.events import put_back
    from tests.chaos import workflows

    workflow = getattr(workflows, workflow_id)

    async def run() -> tuple[str, Any, Any, Walk]:
        made = workflow.create_run()
        result = await made.start(input_data=json.loads(given), output_options={"includeState": True})
        walk = Walk(put_back(await workflow.store.load(made.run_id)))
        return result.status, _plain(result.result), _plain(result.state), walk

    return asyncio.run(run())


def _plain(value: Any) -> Any:
    """Without what is another one where nobody is killed."""
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items() if key not in UNLIKE}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return value


def main() -> None:
    global LEDGER
    import django

    django.setup()
    LEDGER, seed = sys.argv[1:]
    CHANCE.seed(seed)
    questions = {question.__name__: question for question in (start, top_up, active, committed, workers, verdict)}
    for line in sys.stdin:
        name, *values = json.loads(line)
        print(
            json.dumps(questions[name](*values)),
            flush=True,
        )


if __name__ == "__main__":
    main()
