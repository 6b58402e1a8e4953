"""Models that make something else of a value, and steps that note what they are given."""

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    SecretStr,
    computed_field,
    field_serializer,
    model_serializer,
    model_validator,
)

from runs.engine import Workflow, step


class Share(BaseModel):
    share: Annotated[float, AfterValidator(lambda value: value / 100)]


class Box(BaseModel):
    model_config = ConfigDict(extra="forbid")
    w: int

    @computed_field
    @property
    def twice(self) -> int:
        return 2 * self.w


class Named(BaseModel):
    customer: str = Field(validation_alias="customerName")


class Shown(BaseModel):
    customer: str = Field(serialization_alias="customerName")


class Deep(BaseModel):
    first: str = Field(validation_alias=AliasPath("names", 0))


class Choice(BaseModel):
    name: str = Field(validation_alias=AliasChoices("n", "nom"))


class Embedded(BaseModel):
    data: Json[list[int]]


class Hidden(BaseModel):
    name: str
    pin: int = Field(exclude=True)


class Summed(BaseModel):
    a: int
    b: int

    @model_serializer
    def write(self) -> dict[str, int]:
        return {"sum": self.a + self.b}


class Shouting(BaseModel):
    name: str

    @field_serializer("name")
    def write(self, name: str) -> str:
        return name.upper() + "!"


class Percent(BaseModel):
    rate: Annotated[float, PlainSerializer(lambda rate: f"{rate} %")]


class Shifted(BaseModel):
    value: int

    @model_validator(mode="before")
    @classmethod
    def shift(cls, data: Any) -> Any:
        return {"value": data["value"] + 1}


class Prefixed(BaseModel):
    name: Annotated[str, BeforeValidator(lambda name: f"x{name}")]


class Secret(BaseModel):
    token: SecretStr
    share: Annotated[float, AfterValidator(lambda value: value / 2)]


class Outer(BaseModel):
    share: Share
    boxes: list[Box]


class Plain(BaseModel):
    name: str
    count: int = 7


MODELS: dict[str, tuple[type[BaseModel], Mapping[str, object]]] = {
    "validator": (Share, {"share": 50}),
    "computed field, no more keys": (Box, {"w": 2}),
    "validation alias": (Named, {"customerName": "x"}),
    "serialization alias": (Shown, {"customer": "x"}),
    "alias path": (Deep, {"names": ["a", "b"]}),
    "alias choices": (Choice, {"nom": "a"}),
    "json in a text": (Embedded, {"data": "[1, 2]"}),
    "excluded field": (Hidden, {"name": "a", "pin": 4}),
    "model serializer": (Summed, {"a": 1, "b": 2}),
    "field serializer": (Shouting, {"name": "a"}),
    "serializer of a type": (Percent, {"rate": 4.5}),
    "validator before": (Shifted, {"value": 1}),
    "validator of a field before": (Prefixed, {"name": "a"}),
    "secret": (Secret, {"token": "s3cret!", "share": 8}),
    "model in a model": (Outer, {"share": {"share": 50}, "boxes": [{"w": 1}, {"w": 2}]}),
    "plain": (Plain, {"name": "a"}),
}
OTHERS: dict[str, Mapping[str, object]] = {
    "validator": {"share": 70},
    "computed field, no more keys": {"w": 5},
    "validation alias": {"customerName": "y"},
    "serialization alias": {"customer": "y"},
    "alias path": {"names": ["c"]},
    "alias choices": {"n": "c"},
    "json in a text": {"data": "[3]"},
    "excluded field": {"name": "b", "pin": 5},
    "model serializer": {"a": 3, "b": 4},
    "field serializer": {"name": "b"},
    "serializer of a type": {"rate": 5.5},
    "validator before": {"value": 3},
    "validator of a field before": {"name": "b"},
    "secret": {"token": "0ther-s3cret!", "share": 4},
    "model in a model": {"share": {"share": 70}, "boxes": []},
    "plain": {"name": "b"},
}
models = pytest.mark.parametrize("name", MODELS)


def once(name: str, value: Mapping[str, object] | None = None) -> str:
    """The instance that a function must be given, each time."""
    return repr(MODELS[name][0].model_validate(MODELS[name][1] if value is None else value))


class Seen(list):
    """A step function that notes what it is given."""

    def step(self, model: type[BaseModel], *, id: str = "use", failures: int = 0):
        async def use(ctx):
            self.append(repr(ctx.input))
            if ctx.retry_count < failures:
                raise RuntimeError("again")
            return "done"

        return step(id=id, input=model, retries=failures)(use)


async def started(workflow: Workflow, value: object, **options: object):
    run = workflow.commit().create_run()
    return run, await run.start(input_data=value, **options)
