"""JSON Schemas mean what the standard says: its own test suite, read by our reader."""

import pytest

from runs.engine.data.schemas import Schema
from runs.engine.errors import InvalidWorkflow
from tests.json_schema_suite import DIALECTS, Case, cases

# `format` is asserted on purpose (docs/schemas.md lists the formats); the standard leaves that open, and the suite
# of 2020-12 calls these annotations.
ASSERTED = "is only an annotation by default"
# Nothing is fetched: a reference out of the document and a dialect of its own are refused when the schema is compiled.
REMOTE = ("leads out of the schema", "is not a known dialect")
# Required cases: all, of those refused as remote, refused for their format. Exact, so that none can go unseen.
COUNTS = {"draft7": (913, 27, 0), "draft2020-12": (1257, 53, 19)}
COUNTS |= {"draft4": (610, 21, 0), "draft6": (829, 27, 0), "draft2019-09": (1227, 40, 0)}


def read(case: Case, *, parses: bool) -> tuple[bool, object] | None:
    """Whether the value is taken, and as what; None for a schema that is refused as remote."""
    try:
        schema = Schema.of(case.schema, parses=parses)
    except InvalidWorkflow as error:
        if any(reason in str(error) for reason in REMOTE):
            return None
        raise
    parsed = schema.parse(case.value)
    return not parsed.issues, parsed.value


@pytest.mark.parametrize("parses", [True, False], ids=["read", "checked"])
@pytest.mark.parametrize("draft", DIALECTS)
def test_no_case_of_the_standards_suite_is_judged_otherwise_or_changed(draft, parses):
    total = remote = formats = 0
    wrong = []
    for case in cases(draft):
        total += 1
        found = read(case, parses=parses)
        if found is None:
            remote += 1
            continue
        taken, value = found
        if case.is_valid and not taken and ASSERTED in case.name:
            formats += 1
        elif taken != case.is_valid:
            wrong.append(f"{case.name}: {'taken' if taken else 'refused'}")
        elif taken and repr(value) != repr(case.value):
            wrong.append(f"{case.name}: changed to {value!r}")
    assert not wrong, "\n".join(wrong)
    assert (total, remote, formats) == COUNTS[draft]
