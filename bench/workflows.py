"""The workflows of the benchmark: steps that do next to nothing, so that what remains is the engine's own work."""

from pydantic import BaseModel

from runs.engine import StepContext, Workflow, step

CHUNKS = 10_000
PAGE_CHUNKS = 100_000  # of the stream on a page: a browser is at its speed only after a while
CHUNK = "x" * 100


class Value(BaseModel):
    value: int


class Large(BaseModel):
    value: int
    blob: list[dict[str, str]]


def chain(steps: int, kind: type[BaseModel] = Value, **options: object) -> Workflow:
    """Steps that count up one field and hand on the rest. Each checks its input, as steps with a schema do."""
    workflow = Workflow(id=f"chain-{steps}", input=kind, **options)
    for n in range(steps):

        @step(id=f"s{n}", input=kind, output=kind)
        async def count(ctx: StepContext) -> dict[str, object]:
            return {**ctx.input.__dict__, "value": ctx.input.value + 1}

        workflow = workflow.then(count)
    return workflow.commit()


def stream(chunks: int = CHUNKS, **options: object) -> Workflow:
    """One step that writes chunks of 100 bytes, as fast as it may."""

    @step(id="write")
    async def write(ctx: StepContext) -> None:
        for _ in range(chunks):
            await ctx.writer.write(CHUNK)

    return Workflow(id="stream" if chunks == CHUNKS else "long-stream", **options).then(write).commit()


chain_3 = chain(3)
chain_5 = chain(5)
chunks = stream()
page_chunks = stream(PAGE_CHUNKS)
