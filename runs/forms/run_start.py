"""The form that starts a run: input, request context, trace, options; read, checked, refused and drawn again."""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.actions.durations import read_moment, read_seconds
from runs.engine.data.json_value import InvalidJson
from runs.engine.data.schemas import INVALID_STATE, run_context_head
from runs.engine.errors import InvalidInput
from runs.engine.log.deadline import BY_START, in_words
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.models import WorkflowVersion

from .context_rows import ContextRows
from .option_fields import FIELDS, OptionField, option_fields
from .problem import Problem, with_placeholders, without_secrets
from .schema.exact_json import is_integer, plain, read_exact, write_exact
from .trace_ids import SPAN_ID_DIGITS, TRACE_ID_DIGITS, id_fault, read_traceparent
from .value_editor import ValueEditor

T = TypeVar("T")

TEXTS = (
    "trace_id",
    "parent_span_id",
    "traceparent",
    "metadata",
    "resource_id",
    "run_id",
    "priority",
    "start_at",
    "time_limit",
    "root_span_name",
)
FLAGS = ("include_state", "include_resume_labels", "hide_input", "hide_output")
LABELS = {
    "trace_id": "Trace id",
    "parent_span_id": "Parent span id",
    "traceparent": "Traceparent",
    "metadata": "Metadata",
    "tags": "Tags",
    "context_keys": "Context keys on spans",
    "resource_id": "Resource id",
    "run_id": "Run id",
    "priority": "Priority",
    "start_at": "Start",
    "time_limit": "Time limit",
    "root_span_name": "Root span name",
    "start": "This start",
}
OTHERWISE = {  # the engine's names of what this form calls otherwise
    "startAt": "start_at",
    "timeLimit": "time_limit",
    "traceId": "trace_id",
    "parentSpanId": "parent_span_id",
    "requestContextKeys": "context_keys",
    "rootSpanName": "root_span_name",
}
PRIORITIES = range(-1000, 1001)
MAX_ID = 200  # characters of a run id or a resource id


class RunStartForm:
    """Everything that a run is started with. Never raises for what a person typed: that becomes a problem."""

    def __init__(self, version: WorkflowVersion) -> None:
        self.version = version
        self.redactor = Redactor.of(version.input_schema, version.state_schema, version.request_context_schema)
        self.start_key = secrets.token_urlsafe(16)
        self.input = ValueEditor("input", version.input_schema, "Input", empty="{}")
        self.state = ValueEditor("state", version.state_schema, "Initial state")
        self.context = ContextRows(self.redactor, version.request_context_schema)
        self.sends_state = False
        self.tags: list[str] = []
        self.context_keys: list[str] = []
        self.texts: dict[str, str] = dict.fromkeys(TEXTS, "")
        self.flags: dict[str, bool] = dict.fromkeys(FLAGS, False)
        self.errors: dict[str, str] = {}
        self._own: list[Problem] = []

    # --- Where its contents come from ---

    @classmethod
    def posted(cls, version: WorkflowVersion, data: QueryDict, files: MultiValueDict) -> "RunStartForm":
        form = cls(version)
        form.start_key = _token(data.get("start_key", "")) or form.start_key
        form.input.read_post(data, files)
        form.state.read_post(data, files)
        form.sends_state = "sends_state" in data
        form.context.read_post(data, files)
        form.tags = _distinct([*data.getlist("tag"), *data.get("tags", "").split(",")])
        form.context_keys = _distinct([*data.getlist("context_key"), *data.get("context_keys", "").split(",")])
        form.texts = {name: data.get(name, "").strip() for name in TEXTS}
        form.flags = {name: name in data for name in FLAGS}
        form._read_traceparent()
        return form

    @classmethod
    def of_run(
        cls, version: WorkflowVersion, started: Mapping[str, Any], *, priority: int, redactor: Redactor
    ) -> "RunStartForm":
        """As another run was started; `started` is the data of its first event, as an exact tree.

        Secrets and the ids of the run and its trace are its own, and are not copied. `redactor`: of that run.
        """
        form = cls(version)
        form.input.fill(without_secrets(started.get("inputGiven", started.get("input", UNSET)), redactor))
        if state := started.get("initialStateGiven", started.get("initialState")):
            form.sends_state = True
            form.state.fill(without_secrets(state, redactor))
        form.context.fill(without_secrets(started.get("requestContext") or {}, redactor))
        form._fill_tracing(without_secrets(started.get("tracingOptions") or {}, redactor))  # type: ignore[arg-type]
        output = started.get("outputOptions") or {}
        form.flags |= {
            "include_state": output.get("includeState") is True,
            "include_resume_labels": output.get("includeResumeLabels") is True,
        }
        form.texts["resource_id"] = str(started.get("resourceId") or "")
        form.texts["priority"] = str(priority) if priority else ""
        deadline = started.get("deadline") or {}
        if deadline.get("setBy") == BY_START:
            form.texts["time_limit"] = in_words(float(str(plain(deadline["seconds"]))))
        return form

    def _fill_tracing(self, options: Mapping[str, Any]) -> None:
        self.tags = _distinct(options.get("tags") or [])
        self.context_keys = _distinct(options.get("requestContextKeys") or [])
        self.texts["metadata"] = write_exact(options["metadata"], indent=None) if options.get("metadata") else ""
        self.texts["root_span_name"] = str(options.get("rootSpanName") or "")
        self.flags |= {"hide_input": options.get("hideInput") is True, "hide_output": options.get("hideOutput") is True}

    def _read_traceparent(self) -> None:
        """A pasted traceparent fills the two ids; one that is none stays where it was typed."""
        if not self.texts["traceparent"]:
            return
        ids = read_traceparent(self.texts["traceparent"])
        if ids is None:
            said = " is not a W3C traceparent. Paste one such as 00-<32 hex digits>-<16 hex digits>-01."
            self.add_problem("traceparent", said)
        else:
            self.texts |= {"trace_id": ids[0], "parent_span_id": ids[1], "traceparent": ""}

    # --- What it says ---

    def request(self) -> dict[str, Any]:
        """The fields of a StartRequest, but for the workflow. Look at `problems` before using it."""
        editors = self.editors
        values = {editor: editor.value() for editor in editors}
        self._check_texts()
        request: dict[str, Any] = {
            "input": values[self.input],
            "initial_state": values.get(self.state, UNSET),
            "request_context": {} if values[self.context] is UNSET else values[self.context],
            "tracing_options": self._tracing(),
            "output_options": self._output(),
            "resource_id": self.texts["resource_id"],
            "run_id": self.texts["run_id"] or None,
            "priority": int(self.texts["priority"] or 0) if "priority" not in self.errors else 0,
            "time_limit": self._read("time_limit", read_seconds),
        }
        start_at = self._read("start_at", lambda text: read_moment(text, datetime.now(UTC)))
        if not isinstance(request["request_context"], dict):
            self.add_problem("context", " is not a JSON object. Write its keys and values in braces.")
        # Not the moment: `in 10 min` is another one each time.
        told = sorted({**request, "start_at": self.texts["start_at"]}.items(), key=lambda item: item[0])
        digest = hashlib.sha256(repr(told).encode()).hexdigest()
        # Sent twice it makes one run; changed and sent again, as after the browser's Back, it makes another one.
        return {**request, "start_at": start_at, "start_key": f"{self.start_key}.{digest[:40]}"}

    @property
    def editors(self) -> list[ValueEditor | ContextRows]:
        return [self.input, *([self.state] if self.sends_state else []), self.context]

    @property
    def problems(self) -> list[Problem]:
        """All problems, in the order of the page; each once, though a value was read more than once."""
        return list(dict.fromkeys([p for editor in self.editors for p in editor.problems] + self._own))

    def _tracing(self) -> dict[str, Any]:
        texts = self.texts
        options: dict[str, Any] = {
            "traceId": texts["trace_id"],
            "parentSpanId": texts["parent_span_id"],
            "tags": self.tags,
            "metadata": self._metadata()[0],
            "requestContextKeys": self.context_keys,
            "rootSpanName": texts["root_span_name"],
            "hideInput": self.flags["hide_input"],
            "hideOutput": self.flags["hide_output"],
        }
        return {name: option for name, option in options.items() if option not in ("", [], None, False)}

    def _output(self) -> dict[str, bool]:
        options = {
            "includeState": self.flags["include_state"],
            "includeResumeLabels": self.flags["include_resume_labels"],
        }
        return {name: True for name, chosen in options.items() if chosen}

    def _metadata(self) -> tuple[object, str]:
        """The metadata, and what is wrong with its text."""
        text = self.texts["metadata"]
        if not text:
            return None, ""
        try:
            metadata = plain(read_exact(text))
        except InvalidJson as error:
            return None, f" is not JSON: line {error.line}, column {error.column}. {error.message}"
        if not isinstance(metadata, dict):
            return None, ' is not a JSON object. Write one such as {"ticket": "OPS-1"}.'
        return metadata, ""

    def _read(self, name: str, read: Callable[[str], T]) -> T | None:
        """What one of the texts says; one that cannot be read is a problem."""
        text = self.texts[name]
        if not text:
            return None
        try:
            return read(text)
        except ValueError as error:
            self.add_problem(name, f' is "{text[:40]}", {error}.')
            return None

    def _check_texts(self) -> None:
        texts = self.texts
        for name, digits in (("trace_id", TRACE_ID_DIGITS), ("parent_span_id", SPAN_ID_DIGITS)):
            if fault := id_fault(texts[name], digits):
                self.add_problem(name, fault)
        faults = {
            "tags": _tags_fault(self.tags),
            "context_keys": _keys_fault(self.context_keys),
            "metadata": self._metadata()[1],
        }
        for name, fault in faults.items():
            if fault:
                self.add_problem(name, fault)
        for name in ("run_id", "resource_id", "root_span_name"):
            if len(texts[name]) > MAX_ID:
                self.add_problem(name, f" has {len(texts[name])} characters. Enter up to {MAX_ID}.")
        priority = texts["priority"]
        if priority and (not is_integer(priority) or len(priority) > 9 or int(priority) not in PRIORITIES):
            self.add_problem("priority", f' is "{priority}". Enter a whole number from -1000 to 1000.')

    # --- What others say of it ---

    def add_problem(self, name: str, said: str) -> None:
        """Put a problem at one of the form's own controls; `said` is the end of a sentence."""
        name = OTHERWISE.get(name, name)
        if name == "context":
            self.context.say(said)
            return
        label = LABELS.get(name, name)
        if name in self.errors:
            return
        self.errors[name] = f"{label}{said}"
        self._own.append(Problem("start-form" if name == "start" else name, label, said))

    def refuse(self, error: InvalidInput) -> None:
        """Put the engine's issues at their fields. Its first line tells which part of the request they are about."""
        part, name = self._part_of(str(error))
        for dotted, message in error.issues:
            inner = dotted.removeprefix(name).removeprefix(".") if dotted.split(".")[0] == name else dotted
            part.refuse([(inner, message)])

    def _part_of(self, head: str) -> tuple[ValueEditor | ContextRows, str]:
        if head.startswith(INVALID_STATE):
            self.sends_state = True
            return self.state, "initialState"
        if head.startswith(run_context_head(self.version.definition_id)):
            return self.context, "requestContext"
        return self.input, "inputData"

    # --- What the page shows beside the controls ---

    def as_command(self) -> dict[str, Any]:
        """The request as exact trees for the command panel, secrets replaced by words. Adds no problem."""
        state = self.state.tree() if self.sends_state else UNSET
        parts = [self.input.tree(), self.context.tree(), state, self._tracing()]
        redactor = self.redactor.fork()
        redactor.learn(parts)
        given, context, state, tracing = (with_placeholders(part, redactor) for part in parts)
        body = {
            "inputData": given,
            "requestContext": context,
            "initialState": state,
            "tracingOptions": tracing,
            "outputOptions": self._output(),
        }
        if self.texts["resource_id"]:
            body["resourceId"] = self.texts["resource_id"]
        body |= self._order()
        return {name: part for name, part in body.items() if part is not UNSET and part != {}}

    def _order(self) -> dict[str, Any]:
        """Priority and times, as far as they can be read."""
        texts = self.texts
        found: dict[str, Any] = {}
        if is_integer(texts["priority"]) and len(texts["priority"]) <= 9:
            found["priority"] = int(texts["priority"])
        with suppress(ValueError):
            if texts["start_at"]:
                moment = read_moment(texts["start_at"], datetime.now(UTC))
                found["startAt"] = moment.isoformat(timespec="seconds")
        with suppress(ValueError):
            if texts["time_limit"]:
                found["timeLimit"] = read_seconds(texts["time_limit"])
        return found

    @property
    def options_summary(self) -> list[str]:
        """The options in a line, for when they are folded away."""
        texts, flags = self.texts, self.flags
        hidden = [word for word, name in (("input", "hide_input"), ("output", "hide_output")) if flags[name]]
        said = [
            "State in the result" if flags["include_state"] else "State not in the result",
            "resume labels in the result" if flags["include_resume_labels"] else "",
            "initial state given" if self.sends_state else "",
            f"run id {texts['run_id']}" if texts["run_id"] else "",
            f"resource {texts['resource_id']}" if texts["resource_id"] else "",
            f"{' and '.join(hidden)} not on spans" if hidden else "",
            f"starts {texts['start_at']}" if texts["start_at"] else "",
            f"time limit {texts['time_limit']}" if texts["time_limit"] else "",
            f"priority {texts['priority']}" if texts["priority"] not in ("", "0") else "normal priority",
        ]
        return [part for part in said if part]

    @property
    def options_open(self) -> bool:
        """Whether an option has a problem, so that it must be seen."""
        own = {field.name for field in FIELDS}
        return bool(own & self.errors.keys() or self.state.problems)

    @property
    def option_fields(self) -> list[OptionField]:
        return option_fields(self.texts, self.errors)


def _token(text: str) -> str:
    """The start key that a form sent back; one that we cannot have made is not taken."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]{16,23}", text) else ""


def _distinct(words: list[Any]) -> list[str]:
    return list(dict.fromkeys(word for entry in words if (word := str(entry).strip())))


def _tags_fault(tags: list[str]) -> str:
    if len(tags) > settings.MAX_TAGS:
        return f" are {len(tags)}. Enter up to {settings.MAX_TAGS}."
    long = next((tag for tag in tags if len(tag) > settings.MAX_TAG_LENGTH), None)
    if long is None:
        return ""
    return f' has "{long[:20]}…" of {len(long)} characters. Enter up to {settings.MAX_TAG_LENGTH} for each.'


def _keys_fault(keys: list[str]) -> str:
    bad = next((key for key in keys if not all(key.split("."))), None)
    return f' has "{bad}", which has an empty part. Enter paths such as user.id.' if bad is not None else ""
