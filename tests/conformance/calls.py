"""Makes the calls of a case, one after the other, and records what each of them did."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from runs.engine import UNSET, MemoryRunStore
from runs.engine.log.store import RunStore
from runs.engine.trace.tracing import Tracing, TracingContext

from .building import Builder
from .primitives import CaseError, Process
from .span_recorder import SpanRecorder
from .values import expand

Case = Mapping[str, Any]
Entry = dict[str, Any]

_ARGUMENTS = {
    "inputData": "input_data",
    "initialState": "initial_state",
    "requestContext": "request_context",
    "tracingOptions": "tracing_options",
    "outputOptions": "output_options",
    "perStep": "per_step",
    "step": "step",
    "label": "label",
    "resumeData": "resume_data",
    "forEachIndex": "for_each_index",
    "context": "context",
}
QUIET_SECONDS = 0.1
STARTED_SECONDS = 5
_MADE_OF_A_RUN = {"start", "startAsync", "stream", "streamLegacy", "resume", "resumeStream", "restart", "timeTravel"}
_NOT_WATCHED = {"stream", "streamLegacy", "resumeStream"}


class OpenStore(Protocol):
    """How a case gets a store of its own; the second part gives it back."""

    async def __call__(self) -> tuple[RunStore, Callable[[], Awaitable[None]]]: ...


async def memory_store() -> tuple[RunStore, Callable[[], Awaitable[None]]]:
    """Runs in memory, gone with the case."""

    async def close() -> None: ...

    return MemoryRunStore(), close


class _Errors(logging.Handler):
    """What the tracer complains about, in the reference's form."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"[Mastra Tracing] {record.getMessage()}")


class Caller:
    """One case on its way: its processes, its runs, and the records of the call now made."""

    def __init__(self, case: Case, store: RunStore) -> None:
        self.case = case
        self.spec = case["workflow"]
        has_mastra = case.get("mastra", True)
        self.store = store if has_mastra else None
        self.process = Process(has_mastra=has_mastra)
        self.spans = SpanRecorder(sampled=self._observing().get("sampling", {}).get("type") != "never")
        self.errors = _Errors()
        self.events: list[object] = []
        self.written: list[object] = []
        self.callbacks: list[Entry] = []
        self.outer_spans: list[Any] = []
        self.left: list[asyncio.Task[Any]] = []  # calls that were abandoned: their process is dead, they never end
        self._new_process()

    def _observing(self) -> Mapping[str, Any]:
        setting = self.case.get("observability", {})
        return setting if isinstance(setting, dict) else {}

    def _new_process(self) -> None:
        on = self.case.get("mastra", True) and self.case.get("observability", True) is not False
        keys = self._observing().get("requestContextKeys", ())
        self.tracing = Tracing(self.spans.tracer if on else None, request_context_keys=keys)
        options: dict[str, Any] = {"store": self.store, "tracing": self.tracing}
        wanted = self.spec.get("options", {})
        for name in ("onStart", "onFinish", "onError"):
            if name in wanted:
                options["on_" + name[2:].lower()] = self._callback(name, wanted[name] == "throw")
        self.workflow = Builder(self.process, options).build(self.spec)
        self.runs: dict[str, Any] = {}
        self.watched: set[int] = set()

    def _callback(self, name: str, throws: bool) -> Callable[[Any], Awaitable[None]]:
        async def callback(info: Any) -> None:
            line: Entry = {"callback": name}
            if name == "onStart":
                line |= {"state": info.state, "initData": info.get_init_data()}
            else:
                line |= {"status": str(info.status), "result": info.result}
                line |= {"error": UNSET if info.error is None else info.error}
                line |= {"state": info.state} if name == "onFinish" else {}
            line = {key: value for key, value in line.items() if value is not UNSET}
            self.callbacks.append(line)
            if throws:
                raise CaseError(f"from {name}")

        return callback

    async def make(self, call: Mapping[str, Any]) -> Entry:
        """One call with all that came of it."""
        logger = logging.getLogger("wfconsole.tracing")
        logger.addHandler(self.errors)
        propagate, logger.propagate = logger.propagate, False
        try:
            task = asyncio.create_task(self._perform(call))
            others = [asyncio.create_task(self._later(other, task)) for other in call.get("alongside", ())]
            entry = await self._outcome(call, task)
            for span in self.outer_spans:
                span.end()
            if others:
                entry["alongside"] = [await other for other in others]
        finally:
            logger.removeHandler(self.errors)
            logger.propagate = propagate
        await asyncio.sleep(0)
        return self._collect(entry)

    async def _outcome(self, call: Mapping[str, Any], task: "asyncio.Task[Entry]") -> Entry:
        limit = call.get("abandonAfterMs")
        if limit is None:
            return await task
        done, _ = await asyncio.wait({task}, timeout=limit / 1000)
        while not done:  # on a busy machine it may not have come far yet: it is left once nothing happens any more
            before = self._happened()
            done, _ = await asyncio.wait({task}, timeout=QUIET_SECONDS)
            if self._happened() == before:
                break
        if done:
            return task.result()
        self.left.append(task)
        return {"op": call["op"], "abandoned": True}

    def _happened(self) -> int:
        """How much the call under way has done; the span of the run itself comes before its first step."""
        return len(self.process.executions) + len(self.events) + max(0, len(self.spans.started) - 1)

    async def _begun(self) -> None:
        """A run that was only sent off has come to its first step's code, or to its first sleep, by the call's end."""
        until = time.monotonic() + STARTED_SECONDS
        while not self.process.executions and all(event["type"] == "workflow-step-start" for event in self.events):
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.001)

    async def _later(self, call: Mapping[str, Any], main: "asyncio.Task[Entry]") -> Entry:
        if "afterMs" in call:
            # Counted from the run's first sign of life: a busy machine must not let the other call be the first one.
            async with asyncio.timeout(STARTED_SECONDS):
                while not self._happened() and not main.done():  # noqa: ASYNC110 (three lists to look at)
                    await asyncio.sleep(0.001)
            await asyncio.sleep(call["afterMs"] / 1000)
        entry = await self._perform(call)
        if call["op"] == "cancel" and "throws" not in entry:
            entry.setdefault("result", None)
        return entry

    async def _perform(self, call: Mapping[str, Any]) -> Entry:
        entry: Entry = {"op": call["op"]}
        try:
            outcome = await self._call(call, entry)
        except Exception as error:  # whatever a call raises is what the case is about
            entry["throws"] = thrown(error)
            if getattr(error, "during_create", False):
                entry["during"] = "createRun"
        else:
            if outcome is not UNSET:
                entry["result"] = outcome
        return entry

    def _collect(self, entry: Entry) -> Entry:
        found = {
            "events": self.events[:],
            "written": self.written[:],
            "executions": self.process.executions[:],
            "callbacks": self.callbacks[:],
            "spans": self.spans.take(),
            "consoleErrors": self.errors.texts[:],
        }
        for items in (self.events, self.written, self.process.executions, self.callbacks, self.errors.texts):
            items.clear()
        return entry | {key: items for key, items in found.items() if items}

    async def _call(self, call: Mapping[str, Any], entry: Entry) -> object:
        op = call["op"]
        if op in _MADE_OF_A_RUN or op in ("cancel", "createRun"):
            return await self._call_of_run(call, entry)
        run_id = call.get("runId", "run-1")
        match op:
            case "getRun":
                return await self.workflow.get_run(run_id, fields=call.get("fields"))
            case "snapshot":
                return await self.workflow.load_snapshot(run_id)
            case "listRuns":
                args = {_snake(key): value for key, value in call.get("args", {}).items()}
                found = await self.workflow.list_runs(**args)
                shown = ("runId", "workflowName", "status", "resourceId")
                rows = [{key: row[key] for key in shown if row.get(key) is not None} for row in found["runs"]]
                return {"total": found["total"], "runs": rows}
            case "deleteRun":
                await self.workflow.delete_run(run_id)
            case "restartAll":
                await self.workflow.restart_all_active_runs()
            case "newProcess":
                self.process = Process(self.process.number + 1, self.process.has_mastra)
                self._new_process()
            case "wait":
                await asyncio.sleep(call["ms"] / 1000)
        return UNSET

    async def _run(self, call: Mapping[str, Any]) -> Any:
        handle = call.get("run", "r1")
        if handle not in self.runs or call["op"] == "createRun":
            arguments: Entry = {"run_id": call.get("runId", "run-1")}
            if "resourceId" in call:
                arguments["resource_id"] = call["resourceId"]
            try:
                run = self.workflow.create_run(**arguments)
                await run.prepare()
                self.runs[handle] = run
            except Exception as error:
                error.during_create = True  # type: ignore[attr-defined]
                raise
        return self.runs[handle]

    async def _call_of_run(self, call: Mapping[str, Any], entry: Entry) -> object:
        op = call["op"]
        before = dict(self.runs)
        run = await self._run(call)
        if op == "createRun":
            same = [name for name, other in before.items() if other is run]
            return {"runId": run.run_id, "sameObjectAs": same, "status": str(run.status)}
        if op == "cancel":
            await run.cancel()
            return UNSET
        for _ in range(call.get("watchers", 1) if op not in _NOT_WATCHED else 0):
            if id(run) not in self.watched or call.get("watchers", 1) > 1:
                run.watch(self.events.append)
                self.watched.add(id(run))
        arguments = self._arguments(call)
        match op:
            case "start" | "resume":
                return (await getattr(run, op)(**arguments)).to_json()
            case "timeTravel":
                return (await run.time_travel(**arguments)).to_json()
            case "restart":
                return (await run.restart(**arguments)).to_json()
            case "startAsync":
                await run.start_async(**arguments)
                await self._begun()
                return {"runId": run.run_id}
        return await self._stream(op, run, arguments, entry)

    async def _stream(self, op: str, run: Any, arguments: Entry, entry: Entry) -> object:
        name = {"stream": "stream", "streamLegacy": "stream_legacy", "resumeStream": "resume_stream"}[op]
        stream = getattr(run, name)(**arguments)
        chunks = entry["stream"] = []
        async for chunk in stream:
            chunks.append(chunk)
        if op != "streamLegacy":
            entry["streamStatus"] = str(stream.status)
        return (await stream.result).to_json()

    def _arguments(self, call: Mapping[str, Any]) -> Entry:
        arguments = {name: expand(call[key]) for key, name in _ARGUMENTS.items() if key in call}
        writer = call.get("outputWriter", True)
        self.process.has_writer = writer is not False
        if writer is not False and call["op"] in ("start", "startAsync", "resume", "restart", "timeTravel"):
            arguments["output_writer"] = self._writer(writer)
        if "parentSpan" in call:
            span = self.tracing.start_span(call["parentSpan"])
            self.outer_spans.append(span)
            arguments["tracing_context"] = TracingContext(current_span=span)
        return arguments

    def _writer(self, setting: object) -> Callable[[object], Awaitable[None]]:
        async def write(chunk: object) -> None:
            self.written.append(chunk)
            if isinstance(setting, dict):
                raise CaseError(setting["throw"])

        return write

    async def close(self) -> None:
        """End what the case left running."""
        for task in self.left:
            task.cancel()
        await asyncio.gather(*self.left, return_exceptions=True)


def thrown(error: BaseException) -> Entry:
    """An exception of a call in the form of the record."""
    described: Entry = {"name": getattr(error, "name", "Error"), "message": str(error)}
    code = getattr(error, "code", None)
    if code is not None:
        described |= {"id": code, "domain": error.domain, "category": error.category, "details": error.details}  # type: ignore[attr-defined]
    return described


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


async def run_case(case: Case, open_store: OpenStore = memory_store) -> Entry:
    """Everything the case did, in the form of its `expect`."""
    store, close = await open_store()
    try:
        try:
            caller = Caller(case, store)
        except Exception as error:  # a workflow that cannot be built
            return {"build": {"throws": {"name": "Error", "message": str(error)}}}
        try:
            return {"calls": [await caller.make(call) for call in case["calls"]]}
        finally:
            await caller.close()
    finally:
        await close()
