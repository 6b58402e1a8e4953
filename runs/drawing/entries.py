"""A serialised step graph, read for drawing: what each entry is called, and under which path its steps run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runs.engine.errors import EngineError
from runs.engine.graph.conditions import Predicate

# Ids that the engine generated: they are not shown.
GENERATED = ("mapping_", "sleep_", "sleepUntil_", "sleepuntil_")
ROOT_WORDS = re.compile(r"\b(?:stepResults|inputData)\.")  # left out: the rest of the path says it shorter
PATH = re.compile(r"(?<![\w-])(?:[A-Za-z_][\w-]*\.)+([A-Za-z_][\w-]*)")
LABEL_LENGTH = 12  # characters that fit between a diamond and its arms
LONGEST_CONDITION = 200  # characters of a condition's text that the page keeps for its title


@dataclass(slots=True)
class Entry:
    """One entry of a graph. A step has a path; parallel and conditional entries only have members."""

    kind: str  # step, mapping, sleep, workflow, foreach, loop, parallel, conditional, more
    name: str
    path: str = ""  # of its record in a run's snapshot; "" when it leaves none
    note: str = ""  # what is known of it before it runs: "for each, 2 at once", "400 ms"
    description: str = ""
    children: list["Entry"] = field(default_factory=list)  # members, arms, or a nested workflow's own entries
    conditions: list[str] = field(default_factory=list)  # of a conditional: a text for each arm; of a loop: one
    loop_type: str = ""  # dowhile or dountil
    each_item: bool = False  # represents the items of a foreach, so its own path is not a record's
    repeats: str = ""  # of a nested workflow: "foreach" or "loop", when it is the body of one

    def steps(self) -> Iterator["Entry"]:
        """Itself if it is a step, and all steps below it, in order."""
        if self.path:
            yield self
        for child in self.children:
            yield from child.steps()


def read_graph(graph: object) -> list[Entry]:
    """The entries of a serialised graph. What it cannot read it leaves out: an old version must not break a page."""
    return _read_list(graph, prefix="", each_item=False)


def _read_list(graph: object, *, prefix: str, each_item: bool) -> list[Entry]:
    if not isinstance(graph, Sequence) or isinstance(graph, str):
        return []
    entries = [_read(entry, prefix=prefix, each_item=each_item) for entry in graph if isinstance(entry, Mapping)]
    return [entry for entry in entries if entry is not None]


def _read(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    kind = str(data.get("type", ""))
    read = _READERS.get(kind, _read_step)
    entry = read(data, prefix=prefix, each_item=each_item)
    if entry is not None:
        entry.each_item = each_item
        entry.description = entry.description or _text(data.get("description"))
    return entry


def _read_step(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    step = data.get("step")
    inner = step if isinstance(step, Mapping) else data
    name = _text(inner.get("id") or inner.get("name"))
    if not name:
        return None
    return Entry("step", name, prefix + name, description=_text(inner.get("description")))


def _read_mapping(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    name = _text(data.get("id"))
    shown = "map" if name.startswith(GENERATED) or not name else name
    return Entry("mapping", shown, prefix + name)


def _read_sleep(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    name = _text(data.get("id"))
    until = data.get("type") == "sleepUntil"
    shown = "sleep" if name.startswith(GENERATED) or not name else name
    if until:
        note = f"until {_text(data.get('date'))[:16].replace('T', ' ')}" if data.get("date") else "until computed"
    else:
        note = _milliseconds(data.get("duration"))
    return Entry("sleep", shown, prefix + name, note)


def _read_workflow(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    name = _text(data.get("id") or data.get("workflowId"))
    if not name:
        return None
    children = _read_list(data.get("serializedStepFlow"), prefix=f"{prefix}{name}.", each_item=each_item)
    return Entry("workflow", name, prefix + name, children=children)


def _read_parallel(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    children = _read_list(data.get("steps"), prefix=prefix, each_item=each_item)
    return Entry("parallel", _text(data.get("id")), children=children) if children else None


def _read_conditional(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    children = _read_list(data.get("steps"), prefix=prefix, each_item=each_item)
    if not children:
        return None
    predicates, texts = data.get("predicates"), data.get("serializedConditions")
    conditions = [_condition(_item(predicates, index), _item(texts, index)) for index in range(len(children))]
    return Entry("conditional", _text(data.get("id")), children=children, conditions=conditions)


def _read_loop(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    body = _body(data, prefix=prefix, each_item=each_item)
    if body is None:
        return None
    body.repeats, body.kind = "loop", "loop"
    body.loop_type = _text(data.get("loopType")) or "dowhile"
    body.conditions = [_condition(data.get("predicate"), data.get("serializedCondition"))]
    return body


def _read_foreach(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    body = _body(data, prefix=prefix, each_item=True)
    if body is None:
        return None
    body.repeats, body.kind = "foreach", "foreach"
    options = data.get("opts")
    concurrency = options.get("concurrency") if isinstance(options, Mapping) else None
    body.note = "for each" if concurrency in (None, 1) else f"for each, {_text(concurrency)} at once"
    return body


def _body(data: Mapping[str, object], *, prefix: str, each_item: bool) -> Entry | None:
    step = data.get("step")
    return _read(step, prefix=prefix, each_item=each_item) if isinstance(step, Mapping) else None


_READERS = {
    "mapping": _read_mapping,
    "sleep": _read_sleep,
    "sleepUntil": _read_sleep,
    "workflow": _read_workflow,
    "parallel": _read_parallel,
    "conditional": _read_conditional,
    "loop": _read_loop,
    "foreach": _read_foreach,
}


def _condition(predicate: object, serialised: object) -> str:
    """A condition in words: a predicate's own text, or what the code says of its function."""
    if isinstance(predicate, Mapping):
        try:
            return ROOT_WORDS.sub("", Predicate.parse(predicate).text)
        except EngineError:
            return ""
    source = serialised.get("fn") if isinstance(serialised, Mapping) else serialised
    return " ".join(_text(source).split())[:LONGEST_CONDITION]


def short_condition(text: str) -> str:
    """The text shown beside a line: of a long one's paths only the last word; the title has the whole."""
    return text if len(text) <= LABEL_LENGTH else PATH.sub(r"\1", text)


def _item(values: object, index: int) -> object:
    return (
        values[index] if isinstance(values, Sequence) and not isinstance(values, str) and index < len(values) else None
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _milliseconds(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "computed"
    if value < 1000:
        return f"{value:g} ms"
    return f"{value / 1000:g} s" if value < 60_000 else f"{value / 60_000:g} min"
