"""approval: asks a person, and waits for the answer."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import UNSET, NonRetryableError, Schema, StepContext, step
from runs.engine.errors import InvalidWorkflow

DEFAULT_FORM: dict[str, object] = {
    "type": "object",
    "properties": {
        "approved": {"type": "boolean", "title": "Approve", "description": "Whether the run goes on as asked"},
        "comment": {"type": "string", "title": "Comment", "description": "Kept with the run"},
    },
    "required": ["approved"],
    "additionalProperties": False,
}


class Request(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"message": "Order 7 costs 940.00 EUR. Ship it?"}]}
    )

    message: str = Field(min_length=1, max_length=4000, title="Message", description="What the person is asked")
    form: dict[str, Any] | None = Field(
        None, title="Form", description="JSON Schema of the answer. null: approved, and a comment"
    )
    details: Any = Field(None, title="Details", description="Shown beside the message: what the decision is about")
    label: str | None = Field(
        None, min_length=1, max_length=200, title="Label", description="A name by which programs can answer"
    )


class Question(BaseModel):
    message: str
    form: dict[str, Any]
    details: Any = None
    problem: str | None = Field(None, description="Why the answer before could not be taken")


@step(input=Request, suspend=Question, resume={}, output={})
async def approval(ctx: StepContext[Request]) -> object:
    """Ask a person by a message and a form, wait for the answer however long it takes, and give it as output.

    An answer that does not fit the form is asked for again.
    """
    asked = ctx.input
    form = asked.form if asked.form is not None else DEFAULT_FORM
    try:
        schema = Schema.of(form)
    except InvalidWorkflow as error:
        raise NonRetryableError(f"The form is no JSON Schema that can be checked: {error}") from None
    problem = None
    if ctx.resume_data is not UNSET:
        answer = schema.parse(ctx.resume_data)
        if not answer.issues:
            return answer.value
        issue = answer.issues[0]
        problem = f"{issue.dotted or 'The answer'}: {issue.message}"
    question: dict[str, object] = {"message": asked.message, "form": form}
    question |= {key: value for key, value in (("details", asked.details), ("problem", problem)) if value is not None}
    await ctx.suspend(question, resume_label=asked.label)
    return None
