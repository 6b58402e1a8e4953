"""Makes our workflows from the declarative ones of cases, through the engine's public surface alone."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from runs.engine import RetryPolicy, Workflow, step
from runs.engine.data.schemas import Schema

from .primitives import Place, Process, perform, record
from .values import holds, look_up


class Builder:
    """Builds one case's workflow for one process."""

    def __init__(self, process: Process, options: Mapping[str, Any]) -> None:
        self.process = process
        self.options = options  # keyword arguments of the outermost Workflow: store, tracing, callbacks

    def build(self, spec: Mapping[str, Any], *, outermost: bool = True) -> Workflow:
        """The workflow. Raises InvalidWorkflow as the engine does."""
        parses = spec.get("schemaEngine", "zod") == "zod"
        steps = {key: self._step(spec["id"], key, item, parses) for key, item in spec["steps"].items()}
        retry = spec.get("retryConfig")
        arguments: dict[str, Any] = {
            "id": spec["id"],
            **_schemas(spec, parses, ("input", "output", "state", "requestContext")),
            "validate_inputs": spec.get("options", {}).get("validateInputs", True),
        }
        if retry:
            delay = retry.get("delay", 0) / 1000
            arguments["retries"] = RetryPolicy(attempts=retry.get("attempts", 0), delay=delay)
        workflow = Workflow(**arguments, **(self.options if outermost else {}))
        for entry in spec["graph"]:
            self._add(workflow, entry, steps, spec["id"])
        # Registering a workflow with Mastra commits it silently.
        return workflow.commit() if spec.get("commit", True) or self.process.has_mastra else workflow

    def _step(self, workflow_id: str, key: str, spec: Mapping[str, Any], parses: bool) -> object:
        if "workflow" in spec:
            return self.build(spec["workflow"], outermost=False)

        async def body(ctx: Any) -> object:
            place = Place(ctx, self.process, workflow_id, key, ctx.input)
            record(place)
            return await perform(spec["do"], place, spec.get("with", {}), spec.get("when"))

        names = ("input", "output", "resume", "suspend", "state", "requestContext")
        options = {name: spec[name] for name in ("retries", "description", "metadata") if name in spec}
        return step(id=key, **_schemas(spec, parses, names), **options)(body)

    def _function(self, workflow_id: str, name: str, run: Callable[[Place], Any]) -> Callable[..., Any]:
        async def function(ctx: Any) -> object:
            return await run(Place(ctx, self.process, workflow_id, name, ctx.input_data))

        function.__name__ = name
        return function

    def _condition(self, workflow_id: str, condition: Mapping[str, Any]) -> object:
        if "predicate" in condition:
            return condition["predicate"]

        async def run(place: Place) -> object:
            if "write" in condition:
                await place.context.writer.write(condition["write"])
            if "throw" in condition:
                await perform("fail", place, {"message": condition["throw"]})
            return holds(condition, place.roots())

        return self._function(workflow_id, "condition", run)

    def _prims(self, workflow_id: str, name: str, prims: object) -> Callable[..., Any]:
        listed = prims if isinstance(prims, list) else [prims]
        return self._function(workflow_id, name, lambda place: perform(listed, place))

    def _add(self, workflow: Workflow, entry: Mapping[str, Any], steps: Mapping[str, Any], workflow_id: str) -> None:
        opts = entry.get("opts", {})
        if "then" in entry:
            workflow.then(steps[entry["then"]], **opts)
        elif "parallel" in entry:
            workflow.parallel([steps[key] for key in entry["parallel"]], **opts)
        elif "branch" in entry:
            arms = [(self._condition(workflow_id, condition), steps[key]) for condition, key in entry["branch"]]
            workflow.branch(arms, **opts)
        elif "dowhile" in entry:
            workflow.dowhile(steps[entry["dowhile"]], self._condition(workflow_id, entry["while"]), **opts)
        elif "dountil" in entry:
            workflow.dountil(steps[entry["dountil"]], self._condition(workflow_id, entry["until"]), **opts)
        elif "foreach" in entry:
            self._add_foreach(workflow, entry, steps, opts, workflow_id)
        elif "map" in entry:
            workflow.map(self._map(workflow_id, entry["map"], steps), **opts)
        elif "sleep" in entry:
            nap = entry["sleep"]
            seconds = nap / 1000 if isinstance(nap, int | float) else self._seconds(workflow_id, nap)
            workflow.sleep(seconds, **opts)
        else:
            workflow.sleep_until(self._until(workflow_id, entry["sleepUntil"]), **opts)

    def _add_foreach(
        self,
        workflow: Workflow,
        entry: Mapping[str, Any],
        steps: Mapping[str, Any],
        opts: Mapping[str, Any],
        workflow_id: str,
    ) -> None:
        concurrency = entry.get("concurrency", 1)
        if isinstance(concurrency, dict):
            path = concurrency["$ref"]

            async def run(place: Place) -> object:
                return look_up(path, place.roots())

            concurrency = self._function(workflow_id, "concurrency", run)
        workflow.foreach(steps[entry["foreach"]], concurrency=concurrency, **opts)

    def _map(self, workflow_id: str, sources: Mapping[str, Any], steps: Mapping[str, Any]) -> object:
        if "$fn" in sources:
            return self._prims(workflow_id, "mapping", sources["$fn"])
        config: dict[str, Any] = {}
        for key, source in sources.items():
            config[key] = dict(source)
            if "fn" in source:
                config[key] = {"fn": self._prims(workflow_id, "mapping", source["fn"])}
            elif "step" in source:
                ids = source["step"]
                named = [steps.get(item, item) for item in (ids if isinstance(ids, list) else [ids])]
                config[key]["step"] = named if isinstance(ids, list) else named[0]
        return config

    def _seconds(self, workflow_id: str, prims: object) -> Callable[..., Any]:
        async def run(place: Place) -> object:
            return await perform(prims if isinstance(prims, list) else [prims], place) / 1000

        return self._function(workflow_id, "sleep", run)

    def _until(self, workflow_id: str, spec: Mapping[str, Any]) -> object:
        if "inMs" in spec:
            return datetime.now(UTC) + timedelta(milliseconds=spec["inMs"])

        async def run(place: Place) -> object:
            return datetime.now(UTC) + timedelta(milliseconds=spec["fnInMs"])

        return self._function(workflow_id, "sleep_until", run)


_PYTHON_NAMES = {"requestContext": "request_context"}


def _schemas(spec: Mapping[str, Any], parses: bool, names: tuple[str, ...]) -> dict[str, Schema]:
    found = (name for name in names if name in spec)
    return {_PYTHON_NAMES.get(name, name): Schema.of(spec[name], parses=parses) for name in found}
