"""Runs and workflows in the forms that programs get."""

from datetime import UTC, datetime
from typing import Any

import orjson
from django.http import HttpResponse

from runs.actions.resume import snapshot_of
from runs.actions.start import WorkflowDisabled
from runs.engine.errors import UnreadableEvent
from runs.engine.log.records import RunSnapshot
from runs.engine.log.results import RunStatus
from runs.engine.log.store import RunCard
from runs.engine.run.run_state import run_state, snapshot_form
from runs.models import WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.store.redaction import redactor_for

SCHEMA_FIELDS = ("inputSchema", "outputSchema", "resumeSchema", "suspendSchema", "stateSchema", "requestContextSchema")
TOP_SCHEMAS = {
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "stateSchema": "state_schema",
    "requestContextSchema": "request_context_schema",
}
CONTROL = ("sleep", "mapping")  # entries of the graph that are no steps to a program


def json_response(value: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(value), content_type="application/json")


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def iso_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def card_of(run: WorkflowRun) -> RunCard:
    return RunCard(
        run.pk,
        run.workflow_id,
        RunStatus(run.status),
        _milliseconds(run.created_at),
        _milliseconds(run.updated_at),
        run.resource_id or None,
    )


def _head(run: WorkflowRun) -> dict[str, Any]:
    return {
        "workflowName": run.workflow_id,
        "runId": run.pk,
        "resourceId": run.resource_id or None,
        "createdAt": iso_time(run.created_at),
        "updatedAt": iso_time(run.updated_at),
    }


def _own_fields(run: WorkflowRun) -> dict[str, Any]:
    """Fields that the reference's runs do not have: times, and steps that are still finishing."""
    fields: dict[str, Any] = {}
    if run.purged_at is not None:
        fields["purgedAt"] = iso_time(run.purged_at)
    if run.deadline_at is not None:
        fields["deadlineAt"] = iso_time(run.deadline_at)
    if run.status == RunStatus.PENDING and run.wake_at is not None:
        fields["startsAt"] = iso_time(run.wake_at)
    if run.lingering:
        since = {path: datetime.fromtimestamp(at / 1000, UTC) for path, at in run.lingering.items()}
        fields["stillFinishing"] = [{"step": path, "since": iso_time(at)} for path, at in since.items()]
    return fields


def run_row(run: WorkflowRun) -> dict[str, Any]:
    """A row of a list, redacted: everything that is stored of the run. It needs the run's `version`, and no code."""
    head = _head(run) | _own_fields(run)
    try:
        snapshot = snapshot_of(run)
        problem: dict[str, Any] = {}
    except UnreadableEvent as error:
        # The row of a run that cannot be read has its card, and says so.
        snapshot = RunSnapshot(run.pk, run.workflow_id)
        problem = {"unreadable": str(error)}
    text = orjson.dumps(snapshot_form(run.version.graph, card_of(run), snapshot))
    shown = orjson.Fragment(redactor_for(run, snapshot.seq).json(text))
    return head | problem | {"snapshot": shown}


def run_form(run: WorkflowRun, fields: list[str] | None, *, nested: bool) -> dict[str, Any]:
    """A run, redacted; `fields`: only these parts beside its head. It needs the run's `version`, and no code."""
    snapshot = snapshot_of(run)
    state: Any = redactor_for(run, snapshot.seq).apply(run_state(run.version.graph, card_of(run), snapshot, fields))
    form = state | _head(run) | _own_fields(run)
    if not nested and "steps" in form:
        own = set(snapshot.scopes[""].steps)
        form["steps"] = {path: step for path, step in form["steps"].items() if path in own}
    return form


def workflow_form(definition: WorkflowDefinition, *, partial: bool) -> dict[str, Any]:
    """A workflow with its steps, graph and schemas; `partial`: without schemas and steps, which are only counted."""
    version = definition.current
    if version is None:
        raise WorkflowDisabled(definition.pk, definition.problem)
    own = {path: step for path, step in version.steps.items() if step.get("kind") not in CONTROL}
    top = {path: step for path, step in own.items() if _is_top(path, version.steps)}
    form: dict[str, Any] = {
        "name": definition.pk,
        "description": definition.description or None,
        "metadata": _metadata(version),
        "origin": definition.origin,
        "stepGraph": graph_form(version.graph, definition.pk) if version.definition_json is None else version.graph,
        "options": {"validateInputs": True, "emitStepEvents": True},
        "isProcessorWorkflow": False,
    }
    if partial:
        form |= {"steps": {}, "allSteps": {}, "stepCount": len(top)}
        return {key: value for key, value in form.items() if value is not None}
    form |= {
        "steps": {path: _step(step) for path, step in top.items()},
        "allSteps": {path: _step(step) | {"isWorkflow": step.get("kind") == "workflow"} for path, step in own.items()},
    }
    for key, column in TOP_SCHEMAS.items():
        schema = getattr(version, column)
        if schema is not None or key in ("inputSchema", "outputSchema"):
            form[key] = _schema(schema)
    return {key: value for key, value in form.items() if value is not None}


def graph_form(entries: list[dict[str, Any]], workflow_id: str) -> list[dict[str, Any]]:
    """The graph of a workflow made in code: its mappings name the workflow whose input they take."""
    return [_entry_form(entry, workflow_id) for entry in entries]


def _entry_form(entry: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    form = dict(entry)
    if entry.get("type") == "workflow" and "serializedStepFlow" in entry:
        form["serializedStepFlow"] = graph_form(entry["serializedStepFlow"], str(entry.get("workflowId")))
    if entry.get("type") == "mapping" and isinstance(text := entry.get("mapConfig"), str) and text.startswith("{"):
        sources = orjson.loads(text)
        for source in sources.values():
            if isinstance(source, dict) and source.get("initData") is True:
                source["initData"] = workflow_id
        form["mapConfig"] = orjson.dumps(sources, option=orjson.OPT_INDENT_2).decode()
    return form


def _is_top(path: str, steps: dict[str, Any]) -> bool:
    """Whether no other step is around it: an id may hold dots itself."""
    return not any(path.startswith(f"{other}.") for other, step in steps.items() if step.get("kind") == "workflow")


def _metadata(version: WorkflowVersion) -> object:
    return version.definition_json.get("metadata") if isinstance(version.definition_json, dict) else None


def _step(step: dict[str, Any]) -> dict[str, Any]:
    form = {key: step[key] for key in ("id", "description", "metadata") if step.get(key) is not None}
    for key in SCHEMA_FIELDS:
        if key in step or key in ("inputSchema", "outputSchema"):
            form[key] = _schema(step.get(key))
    if step.get("kind") == "workflow":
        form["component"] = "WORKFLOW"
    return form


def _schema(schema: object) -> str:
    """A schema as text, in the wrapping that clients of the reference take off."""
    return orjson.dumps({"json": schema if schema is not None else {}}).decode()
