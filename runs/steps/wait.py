"""wait: lets some time pass, or waits for a moment, that only the run's data tell."""

import asyncio
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import NonRetryableError, StepContext, step

LONGEST = 3600  # seconds; a longer pause, which a crash must not repeat, is a sleep entry


class Pause(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"seconds": 2.5}]})

    seconds: float | None = Field(None, ge=0, le=LONGEST, title="Seconds", description="How long to wait")
    until: datetime | None = Field(
        None,
        title="Until",
        description="Such as 2026-12-24T18:00:00Z, an hour away at most; instead of seconds",
    )


class Waited(BaseModel):
    seconds: float = Field(description="How long it was")


@step(input=Pause, output=Waited)
async def wait(ctx: StepContext[Pause]) -> Waited:
    """Wait for some seconds, or until a moment, at most an hour.

    After a crash of the server, seconds are counted again from the start; a moment stays what it is. For longer
    pauses use a `sleep` or `sleepUntil` entry, which keeps nothing busy.
    """
    seconds = _seconds(ctx.input)
    await asyncio.sleep(seconds)
    return Waited(seconds=round(seconds, 3))


def _seconds(pause: Pause) -> float:
    if (pause.seconds is None) == (pause.until is None):
        raise NonRetryableError("Give either seconds or until.")
    if pause.until is None:
        return pause.seconds or 0.0
    until = pause.until if pause.until.tzinfo else pause.until.replace(tzinfo=UTC)
    left = (until - datetime.now(UTC)).total_seconds()
    if left > LONGEST:
        raise NonRetryableError("The moment is more than an hour away. Use a sleepUntil entry for it.")
    return max(0.0, left)
