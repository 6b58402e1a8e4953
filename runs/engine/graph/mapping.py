"""How outputs, state and templates become the next input: `.map()` and the mapping entries of definitions."""

import math
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import orjson

from ..data.paths import walk_path
from ..data.undefined import UNSET
from ..errors import EngineError, InvalidWorkflow
from .conditions import Scope, truthy

NAMESPACES = ("inputData", "initData", "state", "requestContext", "stepResults")

Call = Callable[[Callable[..., object]], Awaitable[object]]


class MappingError(EngineError):
    """A mapping leads to a place that is not there; the mapping step fails with this message."""

    name = "Error"  # as the error's JSON calls it


def js_text(value: object) -> str:
    """A value as JavaScript prints it: nothing for null and missing, `true`, `5` for 5.0, objects as JSON."""
    if value is UNSET or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def _number_text(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0:
        return "0"  # JavaScript prints no minus here
    mantissa, _, exponent = repr(value).partition("e")
    if exponent and not -7 < int(exponent) < 21:  # Python turns to exponents at 1e-5 and 1e16, JavaScript later
        return f"{mantissa}e{int(exponent):+d}"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def traverse(root: object, path: str, label: str) -> object:
    """Return the value under a dotted path. The last key may be missing (UNSET); one before it raises MappingError."""
    if path in ("", "."):
        return root
    value = root
    for part in path.split("."):
        if not isinstance(value, dict | list | Mapping):
            raise MappingError(f"Invalid path {path} in {label}")
        value = walk_path(value, [part])
    return value


class _Placeholder(NamedTuple):
    label: str
    namespace: str
    rest: str


class Template:
    """A text with `${inputData.name}` placeholders, checked when the workflow is built."""

    __slots__ = ("_pieces", "text")

    def __init__(self, text: str) -> None:
        """Raises InvalidWorkflow for an empty or padded placeholder, and for an unknown namespace."""
        self.text = text
        self._pieces: list[str | _Placeholder] = []
        end = number = 0
        # Not by an expression: of a text of "${" alone it would look through all that follows, from each of them.
        while (start := text.find("${", end)) >= 0 and (close := text.find("}", start)) >= 0:
            number += 1
            self._pieces.append(text[end:start])
            self._pieces.append(_placeholder(text, number, text[start + 2 : close]))
            end = close + 1
        self._pieces.append(text[end:])

    @property
    def step_ids(self) -> tuple[str, ...]:
        """The steps whose results the template shows."""
        places = (piece for piece in self._pieces if isinstance(piece, _Placeholder))
        return tuple(place.rest.partition(".")[0] for place in places if place.namespace == "stepResults")

    def render(self, scope: Scope) -> str:
        """The text with all placeholders filled. Raises MappingError."""
        return "".join(piece if isinstance(piece, str) else js_text(_look_up(piece, scope)) for piece in self._pieces)


def _placeholder(text: str, number: int, expression: str) -> _Placeholder:
    label = f"Template placeholder #{number} (${{{expression}}}) in '{text}'"
    if not expression or expression != expression.strip():
        raise InvalidWorkflow(
            f"{label} has empty or whitespace-padded contents. Use ${{<scope>.<path>}} with no surrounding whitespace."
        )
    namespace, _, rest = expression.partition(".")
    if namespace == "stepResults" and not rest.partition(".")[0]:
        raise InvalidWorkflow(
            f"{label} must be of the form ${{stepResults.<stepId>}} or ${{stepResults.<stepId>.<path>}}."
        )
    if namespace == "requestContext" and not rest:
        raise InvalidWorkflow(f"{label} requires a request-context key — use ${{requestContext.<key>}}.")
    if namespace not in NAMESPACES:
        raise InvalidWorkflow(
            f'{label} references unknown namespace "{namespace}". Use one of: {", ".join(NAMESPACES)}.'
        )
    return _Placeholder(label, namespace, rest)


def _look_up(place: _Placeholder, scope: Scope) -> object:
    if place.namespace == "inputData":
        return traverse(scope.input_data, place.rest, place.label)
    if place.namespace == "initData":
        return traverse(scope.init_data, place.rest, place.label)
    if place.namespace == "state":
        return traverse(scope.state, place.rest, place.label)
    if place.namespace == "requestContext":
        return scope.request_context.get(place.rest, UNSET)
    step_id, _, path = place.rest.partition(".")
    output = scope.step_output(step_id)
    if output is UNSET or output is None:
        raise MappingError(
            f'{place.label} references stepResults.{step_id} but step "{step_id}" has no successful output '
            "(not run yet, not registered, failed, or produced no output)."
        )
    return traverse(output, path, place.label)


class _Source(NamedTuple):
    kind: str  # value, fn, template, requestContext, initData, step
    path: str = "."
    value: object = UNSET
    template: Template | None = None
    step_ids: tuple[str, ...] = ()


class MapConfig:
    """Where each key of a mapping's output comes from."""

    __slots__ = ("_sources", "data")

    def __init__(self, sources: dict[str, _Source], data: dict[str, object]) -> None:
        self._sources = sources
        self.data = data  # the mapping as data; functions appear by name

    @classmethod
    def parse(cls, config: Mapping[str, object], at: str = "") -> "MapConfig":
        """Sources: `value`, `step` (an id, a step, or a list) + `path`, `initData` + `path`, `requestContextPath`,
        `template`, `fn`. Raises InvalidWorkflow.
        """
        sources: dict[str, _Source] = {}
        data: dict[str, object] = {}
        for key, source in config.items():
            where = f"{at}.{key}" if at else key
            if not isinstance(source, Mapping):
                raise InvalidWorkflow(f"{where}: A source is an object such as {{'value': 1}} or {{'step': 'a'}}.")
            sources[key], data[key] = _parse_source(source, where)
        return cls(sources, data)

    @property
    def step_ids(self) -> tuple[str, ...]:
        """The steps whose results the mapping reads."""
        found: list[str] = []
        for source in self._sources.values():
            found.extend(source.step_ids)
            found.extend(source.template.step_ids if source.template else ())
        return tuple(dict.fromkeys(found))

    async def apply(self, scope: Scope, call: Call) -> dict[str, object]:
        """The mapped object; keys whose source is undefined are left out. `call` runs a function of the workflow.

        Raises MappingError, and what the workflow's own functions raise.
        """
        mapped: dict[str, object] = {}
        for key, source in self._sources.items():
            value = await _resolve(source, scope, call)
            if value is not UNSET:
                mapped[key] = value
        return mapped


def _parse_source(source: Mapping[str, object], at: str) -> tuple[_Source, dict[str, object]]:
    path = source.get("path", ".")
    if not isinstance(path, str):
        raise InvalidWorkflow(f"{at}.path: A path is a text such as user.name; a single dot is the whole value.")
    if source.get("value", UNSET) is not UNSET:
        return _Source("value", value=source["value"]), {"value": source["value"]}
    if callable(function := source.get("fn")):
        return _Source("fn", value=function), {"fn": getattr(function, "__name__", "fn")}
    if isinstance(text := source.get("template"), str):
        return _Source("template", template=Template(text)), {"template": text}
    if isinstance(key := source.get("requestContextPath"), str) and key:
        return _Source("requestContext", path=key), {"requestContextPath": key}
    if source.get("initData") is not None and truthy(source["initData"]):
        return _Source("initData", path=path), {"initData": True, "path": path}
    if (given := source.get("step")) is not None:
        ids = tuple(_step_id(item, at) for item in (given if isinstance(given, list | tuple) else [given]))
        listed: object = list(ids) if isinstance(given, list | tuple) else ids[0]
        return _Source("step", path=path, step_ids=ids), {"step": listed, "path": path}
    raise InvalidWorkflow(f"{at}: A source needs one of value, step, initData, requestContextPath, template and fn.")


def _step_id(step: object, at: str) -> str:
    identifier = step if isinstance(step, str) else getattr(step, "id", None)
    if not isinstance(identifier, str) or not identifier:
        raise InvalidWorkflow(f"{at}.step: A step's id is needed, or a list of ids.")
    return identifier


async def _resolve(source: _Source, scope: Scope, call: Call) -> object:
    if source.kind == "value":
        return source.value
    if source.kind == "fn":
        assert callable(source.value)  # noqa: S101 (checked when parsed)
        return await call(source.value)
    if source.template is not None:
        return source.template.render(scope)
    if source.kind == "requestContext":
        return scope.request_context.get(source.path, UNSET)
    if source.kind == "initData":
        return traverse(scope.init_data, source.path, "step initData")
    step_id = _first_with_output(source.step_ids, scope)
    output = scope.step_output(step_id)
    return traverse(None if output is UNSET else output, source.path, f"step {step_id}")


def _first_with_output(step_ids: tuple[str, ...], scope: Scope) -> str:
    """Of several steps the first with something to give: no empty object, nothing that counts as false."""
    for step_id in step_ids:
        output = scope.step_output(step_id)
        if len(output) > 0 if isinstance(output, dict | list) else truthy(output):
            return step_id
    return step_ids[0] if len(step_ids) == 1 else ", ".join(step_ids)
