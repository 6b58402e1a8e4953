"""log_line: writes one line to the run's stream and log, and to the server's log."""

import logging
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import StepContext, step

logger = logging.getLogger("runs.workflow")


class Line(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"message": "Payment received", "data": {"order_id": 7}}]}
    )

    message: str = Field(min_length=1, max_length=10_000, title="Message")
    level: Literal["debug", "info", "warning", "error"] = Field("info", title="Level")
    data: Any = Field(None, title="Data", description="Any JSON that belongs to the line; it is the step's output")


@step(input=Line, output={})
async def log_line(ctx: StepContext[Line]) -> object:
    """Write one line to the run's stream and to the server's log, and hand on the data."""
    line = ctx.input
    # Line breaks would let a value pass itself off as another line of the log.
    message = " ".join(line.message.splitlines())
    logger.log(getattr(logging, line.level.upper()), "%s", message)
    await ctx.writer.write({"type": "log", "level": line.level, "message": line.message, "data": line.data})
    return line.data
