"""The request that starts a run: what is checked before anything is stored or run."""

from collections.abc import Mapping

from ..data.json_value import to_json
from ..data.schemas import INVALID_INPUT, INVALID_STATE, run_context_head
from ..data.undefined import UNSET
from ..errors import InvalidInput, InvalidRequestContext
from ..graph.graph import Graph
from ..log.deadline import Deadline


def start_data(
    workflow: Graph,
    request: Mapping[str, object],
    *,
    resource_id: str | None,
    deadline: Deadline | None,
    options: Mapping[str, object],
) -> dict[str, object]:
    """Return the data of the `workflow-start` event, for every way in: a Run of a program, a page, the HTTP API.

    `request`: inputData, initialState and requestContext. `options`: tracingOptions, outputOptions and perStep, as the
    event stores them. Raises as check_request().
    """
    checked = check_request(workflow, request)
    data: dict[str, object] = {"workflowId": workflow.id}
    if "inputData" in checked:
        data["input"] = checked["inputData"]
    # What was given is stored even when it is empty: a run that is started again starts with it.
    data |= {key: checked[key] for key in ("inputGiven", "initialStateGiven") if key in checked}
    data |= {key: checked[key] for key in ("initialState", "requestContext") if checked[key]}
    if resource_id is not None:
        data["resourceId"] = resource_id
    if deadline is not None:
        data["deadline"] = deadline.to_json()
    return data | dict(options)


def check_request(workflow: Graph, request: Mapping[str, object]) -> dict[str, object]:
    """The parsed `{inputData, initialState, requestContext}`; a key that was absent and has no default stays absent.

    `inputGiven` and `initialStateGiven` are these as they were given, where a model has made something else of them.
    The order is the reference's: input, state, request context. Raises InvalidInput, and NotJson for what is no JSON.
    """
    checked: dict[str, object] = {}
    given = request.get("inputData", UNSET)
    if workflow.validate_inputs and workflow.input_schema is not None:
        parsed = workflow.input_schema.check(given, INVALID_INPUT)
        if (as_given := workflow.input_schema.given(parsed, given)) is not UNSET:
            checked["inputGiven"] = as_given
        given = parsed.value if parsed.text is not None else _plain(parsed.value)
    else:
        given = _plain(given)
    if given is not UNSET:
        checked["inputData"] = given
    _read_state(workflow, request.get("initialState"), checked)
    checked["requestContext"] = _context(workflow, request.get("requestContext"))
    return checked


def _plain(value: object) -> object:
    return value if value is UNSET else to_json(value)


def _read_state(workflow: Graph, given: object, checked: dict[str, object]) -> None:
    state: object = {} if given is None else given
    if workflow.validate_inputs and workflow.state_schema is not None:
        parsed = workflow.state_schema.check(state, INVALID_STATE)
        if given is not None and (as_given := workflow.state_schema.given(parsed, state)) is not UNSET:
            checked["initialStateGiven"] = as_given
        state = parsed.value
    state = to_json(state)
    if not isinstance(state, dict):
        raise InvalidInput(INVALID_STATE, [("", "Invalid input: expected object")])
    checked["initialState"] = state


def _context(workflow: Graph, given: object) -> object:
    """The context as it was given: its schema is checked, but unknown keys stay and no defaults come in."""
    head = run_context_head(workflow.id)
    if given is not None and not isinstance(given, Mapping):
        raise InvalidRequestContext(head, [("", "Invalid input: expected object")])
    values = dict(given) if given is not None else {}
    if workflow.validate_inputs and workflow.request_context_schema is not None:
        parsed = workflow.request_context_schema.parse(values)
        if parsed.issues:
            raise InvalidRequestContext(head, [(issue.dotted, issue.message) for issue in parsed.issues])
    return to_json(values)
