"""What distinguishes one version of a workflow from another: all that execution depends on, and no words for people.

A description, a title, a docstring, a comment or an example may change without making a version, and without keeping a
run of an earlier release of the code from going on.
"""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

import orjson

from ..data.schemas import Schema
from .conditions import Predicate
from .entries import SerializedGraph
from .graph import Graph, NestedStep
from .mapping import MapConfig
from .step import RetryPolicy, Step
from .step_info import schema_json

# Of a JSON Schema: keywords that only people read, keywords whose values are schemas by name, and values taken as data.
WORDS = frozenset({"title", "description", "examples", "example", "$comment"})
NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
DATA = frozenset({"default", "const", "enum", "required"})


def content_hash(workflow: Graph) -> str:
    """Changes with the plan, the schemas, the retries, and the code of steps and conditions. Hexadecimal SHA-256."""
    parts: list[object] = ["2", workflow.id, [_schema(schema) for schema in _own_schemas(workflow)]]
    parts += [_retries(workflow.retries), workflow.timeout, plan(workflow.serialized_step_graph())]
    for entry in workflow.entries:
        functions = (getattr(entry, name, None) for name in ("condition", "map", "concurrency", "duration", "until"))
        code = [*functions, *getattr(entry, "conditions", ())]
        parts.append([_setting(part) for part in code])
        parts += [_step(step) for step in entry.steps]
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()


def plan(graph: SerializedGraph) -> list[object]:
    """What a run's history is read by: ids, order and kinds of the entries, predicates and mappings that are data.

    Two releases of a workflow with one plan can continue each other's runs. Functions are not part of it, be they of
    steps, conditions or mappings: a run goes on with the code that is there.
    """
    return [_planned(entry) for entry in graph]


def step_ids(graph: SerializedGraph) -> list[str]:
    """The ids of a serialised graph in its order, each once; those of nested workflows are not among them."""
    found: dict[str, None] = {}
    for entry in graph:
        parts = [entry, entry.get("step"), *(entry.get("steps") or ())] if isinstance(entry, Mapping) else []
        for part in parts:
            inner = part.get("step") if isinstance(part, Mapping) and part.get("type") == "step" else part
            if isinstance(inner, Mapping) and isinstance(inner.get("id"), str):
                found[str(inner["id"])] = None
    return list(found)


def without_words(schema: object) -> object:
    """A JSON Schema without what only people read. A property may well have the name `title`."""
    if isinstance(schema, list):
        return [without_words(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, object] = {}
    for key, value in schema.items():
        if key in NAMED and isinstance(value, Mapping):
            found[key] = {name: without_words(item) for name, item in value.items()}
        elif key not in WORDS:
            found[key] = value if key in DATA else without_words(value)
    return found


def _planned(entry: object) -> object:
    if not isinstance(entry, Mapping):
        return entry
    kind, inner = entry.get("type"), entry.get("step")
    if kind == "step" and isinstance(inner, Mapping):
        return {"type": kind, "id": inner.get("id")}
    found = {key: entry[key] for key in ("type", "id", "loopType", "predicate", "predicates") if key in entry}
    if kind == "workflow":
        found |= {"workflowId": entry.get("workflowId"), "flow": plan(entry.get("serializedStepFlow") or ())}
    if kind == "mapping":
        found["mapConfig"] = _mapping(entry.get("mapConfig"))
    if inner is not None:
        found["step"] = _planned(inner)
    if "steps" in entry:
        found["steps"] = plan(entry["steps"])
    return found


def _mapping(config: object) -> object:
    """Where a mapping that is data takes its values from; None for a function."""
    try:
        data = orjson.loads(config) if isinstance(config, str) else config
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, Mapping) else None


def _own_schemas(workflow: Graph) -> tuple[Schema | None, ...]:
    return workflow.input_schema, workflow.output_schema, workflow.state_schema, workflow.request_context_schema


def _step(step: Step) -> list[object]:
    schemas = [step.input_schema, step.output_schema, step.resume_schema, step.suspend_schema]
    schemas += [step.state_schema, step.request_context_schema]
    code = content_hash(step.workflow) if isinstance(step, NestedStep) else _code(step.function)
    retries = _retries(step.retries) if isinstance(step.retries, RetryPolicy) else step.retries
    return [step.id, step.kind, retries, step.timeout, [_schema(schema) for schema in schemas], code]


def _schema(schema: Any) -> object:
    return without_words(schema_json(schema))


def _retries(policy: RetryPolicy) -> list[object]:
    return [policy.attempts, policy.delay, policy.backoff, policy.max_delay, policy.timeout]


def _setting(part: object) -> object:
    """Beside the plan, which holds predicates and mappings: the code of a function; a number, or a moment."""
    if isinstance(part, Predicate | MapConfig):
        return None
    return _code(part) if callable(part) else part


def _code(function: object) -> object:
    """The source of a function without docstrings, comments, layout and decorators; of a lambda, only itself.

    Of what has no source its byte code, or its type.
    """
    try:
        text = textwrap.dedent(inspect.getsource(function)).strip()  # type: ignore[arg-type]
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return code.co_code.hex() if code is not None else repr(type(function))
    for source in (
        text,
        f"_{text}",
        f"({text})",
        f"({text.rstrip(',')})",
    ):  # a lambda's lines may be a piece of a chain
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        return _bare(tree, only_lambdas=getattr(function, "__name__", "") == "<lambda>")
    return " ".join(text.split())


def _bare(tree: ast.Module, *, only_lambdas: bool) -> list[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
            first = node.body[0]
            words = first.value if isinstance(first, ast.Expr) else None
            if isinstance(words, ast.Constant) and isinstance(words.value, str):
                node.body = node.body[1:]
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)] if only_lambdas else [tree]
    return [ast.unparse(node) for node in found]  # ast.dump() differs between versions of Python


# --- The form before -------------------------------------------------------------------------------


def former_content_hash(workflow: Graph) -> str:
    """As releases before this rule made it, words included: by it their versions are recognised, and given the new one.

    Can go when no database of such a release is in use any more.
    """
    digest = hashlib.sha256()
    own = [schema_json(schema) for schema in _own_schemas(workflow)]
    parts: list[object] = [workflow.id, workflow.description, workflow.metadata, own]
    if workflow.timeout is not None:
        parts.append(workflow.timeout)
    retries = _retries(workflow.retries)[:4]
    digest.update(_canonical([*parts, retries, workflow.serialized_step_graph()]))
    for entry in workflow.entries:
        for part in (
            getattr(entry, "condition", None),
            *getattr(entry, "conditions", ()),
            getattr(entry, "map", None),
        ):
            digest.update(_source(part))
        for step in entry.steps:
            digest.update(_canonical([schema_json(schema) for schema in (step.input_schema, step.output_schema)]))
            digest.update(
                former_content_hash(step.workflow).encode() if isinstance(step, NestedStep) else _source(step.function)
            )
    return digest.hexdigest()


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)


def _source(function: object) -> bytes:
    if function is None or isinstance(function, Predicate | MapConfig):
        return b""
    try:
        return inspect.getsource(function).encode()  # type: ignore[arg-type]
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return code.co_code if code is not None else repr(type(function)).encode()
