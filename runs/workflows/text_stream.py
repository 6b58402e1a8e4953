"""text-stream: tokens of a text at a steady pace, to watch a stream arrive.

The tokens come in parts. Each part is one committed item of a foreach, so a server that is killed goes on with the
part that was under way, and not from the first token.
"""

import asyncio
import time
from itertools import cycle, islice

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import StepContext, Workflow, step

TOKENS_OF_A_PART = 500
TOKENS_BETWEEN_BREATHS = 100  # at full speed, other runs get their turn this often

SAMPLE = (
    "The console keeps every chunk before it shows it. A page that loses its connection asks again from the last "
    "number it has seen, and nothing is missing and nothing comes twice. "
)


class TextToStream(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(SAMPLE, min_length=1, description="Repeated until there are enough tokens")
    tokens: int = Field(400, ge=1, le=100_000, description="How many tokens to stream")
    tokens_per_second: float = Field(40, ge=0, le=100_000, description="0: as fast as they can be stored")


class Part(BaseModel):
    tokens: list[str] = Field(json_schema_extra={"x-secret": False})  # words: texts at this name are secrets otherwise
    tokens_per_second: float


class Streamed(BaseModel):
    tokens: int
    characters: int
    parts: int


@step(input=TextToStream, output=list[Part])
async def split(ctx: StepContext[TextToStream]) -> list[Part]:
    """Cut the text into tokens, a word with the space behind it each, and the tokens into parts."""
    words = ctx.input.text.split() or [ctx.input.text]
    tokens = [f"{word} " for word in islice(cycle(words), ctx.input.tokens)]
    return [
        Part(tokens=tokens[start : start + TOKENS_OF_A_PART], tokens_per_second=ctx.input.tokens_per_second)
        for start in range(0, len(tokens), TOKENS_OF_A_PART)
    ]


@step(input=Part, output=Streamed)
async def stream_part(ctx: StepContext[Part]) -> Streamed:
    """Write the tokens of one part, each as a chunk of its own."""
    rate = ctx.input.tokens_per_second
    began = time.monotonic()
    for number, token in enumerate(ctx.input.tokens):
        if ctx.abort_signal.aborted:
            break
        # The time is counted from the part's beginning: one late token does not make all the others late.
        if rate and (early := began + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(early)
        elif number % TOKENS_BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
        await ctx.writer.write(token)
    return Streamed(tokens=len(ctx.input.tokens), characters=sum(map(len, ctx.input.tokens)), parts=1)


@step(input=list[Streamed], output=Streamed)
async def add_up(ctx: StepContext[list[Streamed]]) -> Streamed:
    """Tell how much was streamed."""
    return Streamed(
        tokens=sum(part.tokens for part in ctx.input),
        characters=sum(part.characters for part in ctx.input),
        parts=len(ctx.input),
    )


text_stream = (
    Workflow(
        id="text-stream",
        description="Streams the tokens of a text at a given rate",
        input=TextToStream,
        output=Streamed,
    )
    .then(split)
    .foreach(stream_part)
    .then(add_up)
    .commit()
)
