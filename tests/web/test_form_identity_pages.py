"""Each form that shows a value (start, copy, answer, a step's input) sends it when it is posted unchanged."""

from django.template.loader import render_to_string
from hypothesis import HealthCheck, assume, given, settings

from runs.engine.commands.questions import Question
from runs.engine.log.records import StepRecord
from runs.engine.log.results import StepStatus
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor
from runs.forms.answer import AnswerForm
from runs.forms.from_step import FromStepForm
from runs.forms.problem import without_secrets
from runs.forms.run_start import RunStartForm
from runs.forms.schema.exact_json import exact, plain
from runs.forms.schema.fields import BooleanField
from runs.models import WorkflowDefinition, WorkflowVersion
from tests.web.form_page import FormPage
from tests.web.random_schemas import schemas_with_values
from tests.web.test_form_identity import page_of, posted

random = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def start_sent_unchanged(form: RunStartForm) -> RunStartForm:
    workflow = WorkflowDefinition(id="random")
    context = {"form": form, "workflow": workflow, "size": {"input": 1, "most": 9}, "problems": []}
    request = posted(FormPage(render_to_string("runs/run_start/_form.html", context)))
    return RunStartForm.posted(form.version, request.POST, request.FILES)


@random
@given(schemas_with_values())
def test_a_copy_of_a_run_sends_what_the_run_was_given(case):
    schema, value = case
    assume(has_plain_secrets(schema))
    tree = exact(value)
    version = WorkflowVersion(input_schema=schema, definition_id="random")
    redactor = Redactor.of(schema)
    started = {"input": tree, "initialState": {"n": exact(1)}}
    form = RunStartForm.of_run(version, started, priority=0, redactor=redactor)
    sent = start_sent_unchanged(form).request()
    assert sent["input"] == plain(without_secrets(tree, redactor))
    assert sent["initial_state"] == {"n": 1}


@random
@given(schemas_with_values())
def test_an_untouched_start_sends_the_defaults_that_it_shows(case):
    form = RunStartForm(WorkflowVersion(input_schema=case[0], definition_id="random"))
    assert start_sent_unchanged(form).input.tree() == form.input.tree()


PLAIN = {"type", "title"}


def has_plain_secrets(schema: object) -> bool:
    """Whether each secret is a text without choices and without a default: others are drawn as new values in a copy."""
    if isinstance(schema, list):
        return all(has_plain_secrets(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    secret = properties.get("card_token") if isinstance(properties, dict) else None
    is_plain = secret is None or (
        isinstance(secret, dict) and secret.keys() <= PLAIN and secret.get("type") == "string"
    )
    return is_plain and all(has_plain_secrets(part) for part in schema.values())


@random
@given(schemas_with_values())
def test_a_steps_recorded_input_sent_unchanged_is_as_it_was_recorded(case):
    schema, recorded = case
    redactor = Redactor.of(schema)
    form = FromStepForm(schema, recorded, redactor)
    request = posted(FormPage(page_of(form.editor)), input_mode=form.editor.mode)
    back = FromStepForm(schema, recorded, redactor)
    back.read_post(request.POST, request.FILES)
    assert back.value() is UNSET, "it is the recorded one"
    assert not back.problems


def answer_to(schema: object) -> AnswerForm:
    record = StepRecord("ask", StepStatus.SUSPENDED, 0, suspend_payload={}, seq=3)
    return AnswerForm(Question(("ask",), None, record), {"resumeSchema": schema})


@random
@given(schemas_with_values())
def test_an_answer_that_is_written_as_json_is_the_same_as_a_form(case):
    schema, value = case
    form = answer_to(schema)
    form.editor.fill(exact(value))
    decision = form.decision
    assume(decision is None or isinstance(decision.tree(), bool | str))
    chosen = None
    if decision is not None:
        chosen = ("true" if decision.checked else "false") if isinstance(decision, BooleanField) else decision.code
    context = {"form": form, "id": form.editor.prefix, "run": WorkflowVersion(pk="r"), "question": form.question}
    request = posted(FormPage(render_to_string("runs/shared/_answer_form.html", context)))
    back = answer_to(schema)
    back.read_post(request.POST, request.FILES)
    assert back.value(chosen) == value
    assert not back.problems
