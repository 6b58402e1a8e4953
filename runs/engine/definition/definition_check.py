"""Whether the parts of a definition fit together: ids, references, mappings, predicates, and schemas."""

import re
from collections.abc import Mapping

from ..data.json_value import InvalidJson, parse_json
from ..data.undefined import UNSET
from ..errors import InvalidWorkflow
from ..graph.conditions import ROOTS
from ..graph.ids import STEP_RULE, is_id
from ..graph.mapping import Template
from ..graph.step_paths import ambiguous
from .definition_issues import DefinitionIssue
from .definition_shape import LEAVES
from .schema_flow import Known, at_path, misfit, schema_of

Entry = Mapping[str, object]
Ports = tuple[Known, Known]  # what a step takes and gives, as JSON Schemas

_PATH = re.compile(r"\.|[^.\s$\[\]]+(\.[^.\s$\[\]]+)*")
_HANDLEBARS = re.compile(r"\{\{[^{}]*\}\}")  # without "{" inside: or each "{{" would be read to the end of the text


class Check:
    """One walk over a definition whose shape is right. `tools` and `workflows`: what there is, by id."""

    def __init__(self, data: Entry, tools: Mapping[str, Ports], workflows: Mapping[str, Ports]) -> None:
        self.data = data
        self.registries = {"tool": tools, "workflow": workflows}
        self.issues: list[DefinitionIssue] = []
        self.outputs: dict[str, Known] = {}  # by step id, of the entries before
        self.ids: dict[str, str] = {}  # where each id was seen
        self.input = _schema(data.get("inputSchema"))

    def run(self) -> list[DefinitionIssue]:
        """All issues, in the order of the definition."""
        graph = self.data["graph"]
        if not isinstance(graph, list) or not graph:
            self._add("graph", "empty-graph", "Workflow graph must contain at least one step.")
            return self.issues
        if not self.data["id"]:
            self._add("id", "missing-step-id", "The definition needs an id.")
        current: Known = self.input
        for index, entry in enumerate(graph):
            current = self._entry(entry, f"graph.{index}", current)
        for longer, shorter in ambiguous(self.ids):
            words = f'The path of "{longer}" cannot be told apart from those of "{shorter}", at {self._place(shorter)}.'
            self._add(f"{self._place(longer)}.id", "ambiguous-step-id", f"{words} Give one of them another id.")
        if reason := misfit(current, _schema(self.data.get("outputSchema"))):
            words = f"Workflow output schema is incompatible with the final step output. {reason}"
            self._add("outputSchema", "incompatible-schema", words)
        return self.issues

    def _add(self, path: str, code: str, message: str) -> None:
        self.issues.append(DefinitionIssue(path, code, message))

    def _entry(self, entry: Entry, at: str, incoming: Known) -> Known:
        kind = str(entry["type"])
        if kind in LEAVES:
            return self._leaf(entry, at, incoming, inside=False)
        if "id" in entry:
            self._claim(str(entry["id"]), at, is_sleep=kind.startswith("sleep"))
        if kind in ("parallel", "conditional"):
            outgoing = self._members(entry, at, incoming)
        elif kind == "foreach":
            outgoing = self._foreach(entry, at, incoming)
        elif kind == "loop":
            outgoing = self._loop(entry, at, incoming)
        else:
            outgoing = incoming
            if kind == "sleep" and isinstance(entry["duration"], int | float) and entry["duration"] < 0:
                self._add(f"{at}.duration", "invalid-shape", "A sleep lasts 0 milliseconds or more.")
        if "id" in entry:
            self.outputs[str(entry["id"])] = outgoing
        return outgoing

    def _claim(self, step_id: str, at: str, *, is_sleep: bool = False) -> None:
        """Each id may be used once; sleeps, which nothing refers to, may share theirs."""
        if not step_id:
            self._add(f"{at}.id", "missing-step-id", "The entry needs an id that is not empty.")
        elif not is_id(step_id):
            self._add(f"{at}.id", "invalid-step-id", STEP_RULE)
        elif step_id in self.ids and not (is_sleep and self.ids[step_id].startswith("sleep ")):
            self._add(f"{at}.id", "duplicate-step-id", f'The id "{step_id}" is used before, at {self.ids[step_id]}.')
        else:
            self.ids[step_id] = f"{'sleep ' if is_sleep else ''}{at}"

    def _place(self, step_id: str) -> str:
        return self.ids[step_id].removeprefix("sleep ")

    def _leaf(self, entry: Entry, at: str, incoming: Known, *, inside: bool) -> Known:
        kind, step_id = str(entry["type"]), str(entry["id"])
        self._claim(step_id, at)
        outgoing: Known = None
        if kind == "mapping":
            if inside:
                words = "A mapping cannot stand inside another entry; put it before or after."
                self._add(at, "invalid-map-placement", words)
            else:
                outgoing = self._mapping(entry, at, incoming)
        else:
            outgoing = self._reference(entry, kind, at, incoming)
        self.outputs[step_id] = outgoing
        return outgoing

    def _reference(self, entry: Entry, kind: str, at: str, incoming: Known) -> Known:
        key = f"{kind}Id"
        name = str(entry[key])
        if kind == "workflow" and name == self.data["id"]:
            words = "Nested workflow cycles are not allowed: the workflow would run itself."
            self._add(f"{at}.{key}", "self-reference", words)
            return None
        ports = self.registries[kind].get(name)
        if ports is None:
            words = f'Step "{entry["id"]}" declares {key} "{name}" which is not a registered {kind}.'
            other = "workflow" if kind == "tool" else "tool"
            if name in self.registries[other]:
                words += (
                    f' There is a {other} of this id: change the entry to {{"type": "{other}", "{other}Id": "{name}"}}.'
                )
            self._add(f"{at}.{key}", "missing-reference", words)
            return None
        if reason := misfit(incoming, ports[0]):
            words = f"Step input is incompatible with the preceding workflow output. {reason}"
            self._add(at, "incompatible-schema", words)
        return ports[1]

    def _members(self, entry: Entry, at: str, incoming: Known) -> Known:
        steps = entry["steps"]
        assert isinstance(steps, list)  # noqa: S101 (the shape is checked)
        if not steps:
            kind = str(entry["type"])
            self._add(f"{at}.steps", f"invalid-{kind}", "The entry needs at least one step.")
        for index, predicate in enumerate(entry.get("predicates") or ()):  # type: ignore[arg-type, var-annotated]
            self._predicate(predicate, f"{at}.predicates.{index}", incoming)
        outputs: dict[str, Known] = {}
        for index, step in enumerate(steps):
            outputs[str(step["id"])] = self._leaf(step, f"{at}.steps.{index}", incoming, inside=True)
        all_run = entry["type"] == "parallel"
        properties = {key: output or {} for key, output in outputs.items()}
        return {"type": "object", "properties": properties, "required": list(properties) if all_run else []}

    def _foreach(self, entry: Entry, at: str, incoming: Known) -> Known:
        opts, step = entry.get("opts", {}), entry["step"]
        assert isinstance(opts, Mapping)  # noqa: S101
        assert isinstance(step, Mapping)  # noqa: S101
        concurrency = opts.get("concurrency", 1)
        if concurrency < 1 or concurrency != int(concurrency):
            self._add(f"{at}.opts.concurrency", "invalid-foreach", "Concurrency is a whole number of 1 or more.")
        if misfit(incoming, {"type": "array"}):
            words = "A foreach needs a list: the step before, or the input, must give one. A mapping gives an object."
            self._add(at, "incompatible-schema", words)
        items = incoming.get("items") if incoming is not None else None
        output = self._leaf(step, f"{at}.step", _schema(items), inside=True)
        whole: Known = {"type": "array", "items": output or {}}
        self.outputs[str(step["id"])] = whole
        return whole

    def _loop(self, entry: Entry, at: str, incoming: Known) -> Known:
        step = entry["step"]
        assert isinstance(step, Mapping)  # noqa: S101
        output = self._leaf(step, f"{at}.step", incoming, inside=True)
        self._predicate(entry["predicate"], f"{at}.predicate", output)
        ports = self.registries.get(str(step["type"]), {}).get(str(step.get(f"{step['type']}Id")))
        if ports is not None and (reason := misfit(output, ports[0])):
            words = f"Loop step output is incompatible with its input for a subsequent iteration. {reason}"
            self._add(f"{at}.step", "incompatible-schema", words)
        return output

    def _predicate(self, predicate: object, at: str, incoming: Known) -> None:
        if not isinstance(predicate, Mapping):
            return
        for key, value in predicate.items():
            if key == "path" and isinstance(value, str):
                self._predicate_path(value, f"{at}.path", incoming)
            elif isinstance(value, Mapping):
                self._predicate(value, f"{at}.{key}", incoming)
            elif key == "args" and isinstance(value, list):
                for index, item in enumerate(value):
                    self._predicate(item, f"{at}.args.{index}", incoming)

    def _predicate_path(self, path: str, at: str, incoming: Known) -> None:
        code = "invalid-predicate-reference"
        root, _, rest = path.partition(".")
        if root not in ROOTS or not _PATH.fullmatch(path):
            listed = "initData, inputData, stepResults, or state"
            self._add(at, code, f"Predicate paths must use plain dotted segments rooted at {listed}.")
            return
        known = {"initData": self.input, "inputData": incoming, "state": _schema(self.data.get("stateSchema"))}
        if root == "stepResults":
            step_id, _, rest = rest.partition(".")
            if step_id not in self.outputs:
                self._add(at, code, f'Predicate step result "{step_id}" must reference a preceding step.')
                return
            known[root] = self.outputs[step_id]
        if at_path(known[root], rest) is UNSET:
            self._add(at, code, f'Predicate path "{path}" does not exist in the known schema.')

    def _mapping(self, entry: Entry, at: str, incoming: Known) -> Known:
        config = entry["mapConfig"]
        if isinstance(config, str):
            try:
                config = parse_json(config)
            except InvalidJson as error:
                self._add(f"{at}.mapConfig", "invalid-map-config", f"The text is not JSON. {error}")
                return None
        if not isinstance(config, Mapping):
            self._add(f"{at}.mapConfig", "invalid-map-config", "A mapping is an object of sources, by key.")
            return None
        properties: dict[str, object] = {}
        for key, source in config.items():
            properties[key] = self._source(source, f"{at}.mapConfig.{key}", incoming) or {}
        return {"type": "object", "properties": properties, "required": list(properties)}

    def _source(self, source: object, at: str, incoming: Known) -> Known:
        if not isinstance(source, Mapping):
            self._add(
                at, "invalid-map-config", 'A source is an object such as {"value": 1} or {"step": "a", "path": "."}.'
            )
            return None
        if "value" in source:
            return schema_of(source["value"])
        if isinstance(text := source.get("template"), str):
            self._template(text, f"{at}.template")
            return {"type": "string"}
        if isinstance(key := source.get("requestContextPath"), str) and key:
            context = _schema(self.data.get("requestContextSchema"))
            return None if "." in key else self._found(context, key, f"{at}.requestContextPath")
        path = source.get("path", ".")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            words = "A path is a single dot for the whole value, or plain keys with dots between them."
            self._add(f"{at}.path", "invalid-map-config", words)
            return None
        if source.get("initData") is True:
            return self._found(self.input, path, f"{at}.path")
        if "step" in source:
            return self._step_source(source["step"], path, at)
        words = "A source needs one of value, step, initData, requestContextPath and template."
        self._add(at, "invalid-map-config", words)
        return None

    def _step_source(self, given: object, path: str, at: str) -> Known:
        names = given if isinstance(given, list) else [given]
        for name in names or [None]:
            if not isinstance(name, str) or name not in self.outputs:
                words = f"Mapping step reference {name!r} must name a preceding step of this workflow."
                self._add(f"{at}.step", "invalid-map-reference", words)
                return None
        found = [self._found(self.outputs[str(name)], path, f"{at}.path") for name in names]
        return found[0] if len(found) == 1 else None

    def _found(self, schema: Known, path: str, at: str) -> Known:
        """The schema under a path, with an issue when nothing can stand there."""
        found = at_path(schema, path)
        if found is UNSET:
            self._add(at, "invalid-map-config", f'Path "{path}" does not exist in the known schema.')
            return None
        return found if isinstance(found, Mapping) else None

    def _template(self, text: str, at: str) -> None:
        try:
            template = Template(text)
        except InvalidWorkflow as error:
            self._add(at, "invalid-map-reference", str(error))
            return
        if any(step_id not in self.outputs for step_id in template.step_ids):
            self._add(at, "invalid-map-reference", "Template references must use an available workflow-local source.")
        elif _HANDLEBARS.search(text):
            words = "{{…}} would be shown as it is; write ${initData.name} for what shall be filled in."
            self._add(at, "invalid-map-reference", words)


def _schema(value: object) -> Known:
    return value if isinstance(value, Mapping) and value else None
