"""json_transform: picks and reshapes JSON by a JMESPath expression."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import NonRetryableError, StepContext, step

from .bounded_jmespath import ExpressionRefused, search


class Transform(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "data": {"lines": [{"sku": "A1", "qty": 2}, {"sku": "B2", "qty": 0}]},
                    "expression": "lines[?qty > `0`].sku",
                }
            ]
        },
    )

    data: Any = Field(title="Data", description="Any JSON")
    expression: str = Field(
        min_length=1, max_length=20_000, title="Expression", description="JMESPath, see jmespath.org"
    )


class Transformed(BaseModel):
    result: Any = Field(description="What the expression gives; null where it leads nowhere")


@step(input=Transform, output=Transformed)
def json_transform(ctx: StepContext[Transform]) -> Transformed:
    """Pick, filter, rename and put together JSON by a JMESPath expression."""
    # In a thread: an expression over a large value takes its time.
    try:
        return Transformed(result=search(ctx.input.expression, ctx.input.data))
    except ExpressionRefused as error:
        raise NonRetryableError(str(error)) from None
