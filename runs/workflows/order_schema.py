"""What order-fulfilment takes, hands from step to step, and gives back."""

from typing import Annotated, Literal

from pydantic import MISSING, BaseModel, ConfigDict, Field, SecretStr

# Three states: a key that is left out stays out, null is null, a value is a value. `MISSING` keeps them apart.
OptionalText = Annotated[str | MISSING | None, Field(max_length=200)]

EXAMPLE_LINES = [
    {"sku": "SKU-2201", "qty": 4, "unit_price": 18.9, "fragile": False},
    {"sku": "SKU-0118-XL-BLUE", "qty": 2, "unit_price": 290.0, "fragile": True},
    {"sku": "SKU-7740", "qty": 12, "unit_price": 1.1, "fragile": False},
]


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku: str = Field(title="SKU", min_length=1, max_length=40, pattern=r"^[A-Z0-9][A-Z0-9-]*$")
    qty: int = Field(1, title="Quantity", ge=1, le=999)
    unit_price: float = Field(title="Unit price", ge=0, le=1_000_000)
    fragile: bool = False


class OrderDetails(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Order")

    number: str = Field("ORD-10442", pattern=r"^ORD-\d{1,12}$")
    currency: Literal["EUR", "USD", "SEK", "GBP", "CHF"] = "EUR"
    total: float = Field(655.6, ge=0, description="What the customer pays, at most the lines' sum")
    lines: list[Line] = Field(EXAMPLE_LINES, min_length=1, max_length=200, validate_default=True)
    discount_code: OptionalText = MISSING
    deliver_after: Annotated[str | MISSING | None, Field(json_schema_extra={"format": "date"})] = MISSING


class Shipping(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: Literal["standard", "express", "same_day"] = "standard"
    gift_message: OptionalText = MISSING


class Simulation(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Simulate")

    pace: Literal["instant", "normal", "slow"] = Field("normal", description="How long a pick takes")
    payment_failures: int = Field(
        0, ge=0, le=10, description="How often the card terminal gives no answer; from 4 on the run fails"
    )


class Order(BaseModel):
    """The input: one order of one customer."""

    model_config = ConfigDict(extra="forbid")

    customer_id: int = Field(
        9007199254740993,
        title="Customer",
        ge=1,
        le=2**63 - 1,
        description="Kept exact, to the last digit",
        json_schema_extra={"format": "int64"},
    )
    channel: Literal["web", "store", "partner"] = "web"
    order: OrderDetails = Field(default_factory=OrderDetails)
    shipping: Shipping = Field(default_factory=Shipping)
    card_token: SecretStr = Field(min_length=4, description="Masked in pages, logs and exports")
    notify: bool = Field(True, title="After packing", description="Send the confirmation mail")
    simulate: Simulation = Field(default_factory=Simulation)


class Context(BaseModel):
    """What may be handed to every step beside the order. Other keys are welcome."""

    model_config = ConfigDict(extra="allow")

    tenant: str | MISSING = MISSING
    user_id: Annotated[int | str | MISSING, Field(alias="user.id")] = MISSING


class State(BaseModel):
    """What the steps share."""

    reserved_units: int | MISSING = MISSING
    fraud_score: float | MISSING = MISSING
    charge: str | MISSING = MISSING


class ValidOrder(BaseModel):
    number: str
    units: int
    subtotal: float


class Reservation(BaseModel):
    reservation: str
    units: int


class Score(BaseModel):
    score: float
    reasons: list[str]


class Quote(BaseModel):
    carrier: str
    price: float
    days: int


class Charge(BaseModel):
    charge: str
    amount: float
    currency: str
    attempts: int


class Question(BaseModel):
    """What a held order asks the person who reviews it."""

    message: str
    order: str
    score: float
    limit: float
    reasons: list[str]
    total: str
    lines: int
    customer_id: int


class Decision(BaseModel):
    """The answer to a held order."""

    model_config = ConfigDict(extra="forbid")

    approved: bool = Field(title="Approve", description="Approved, the card is charged and the order packed")
    reason: str = Field("", max_length=500, description="Kept with the order")


class Review(BaseModel):
    """How a review ended: with the charge of an approved order, or with why it was rejected."""

    approved: bool
    score: float
    reasons: list[str]
    charge: Charge | None = None


class PackingTask(BaseModel):
    number: int
    line: Line


class Packed(BaseModel):
    sku: str
    qty: int
    cartons: int


class Outcome(BaseModel):
    """The result: confirmed, or rejected by the person who reviewed it."""

    number: str
    status: Literal["confirmed", "rejected"]
    fraud_score: float
    reasons: list[str] = []
    charged: float | None = None
    currency: str | None = None
    cartons: int | None = None
    carrier: str | None = None
    notified: bool = False
    tenant: str | None = None
    handled_by: int | str | None = None
