"""A value on its way from step to step: as Python data, as JSON text, and as the event that contains it."""

from typing import NamedTuple

from ..data.json_value import check_numbers, decode, encode, write
from ..data.schemas import Schema
from ..data.undefined import UNSET
from ..redaction.redactor import Redactor
from .span_payload import payload_text

_SCALARS = frozenset({str, int, float, bool, type(None)})
INLINE_BYTES = 48  # a shorter value is simply repeated: a reference would save nothing


class Origin(NamedTuple):
    """What a model has read a value from. A step with the same model reads that, not the value once more."""

    schema: Schema
    given: object


class Value:
    """A JSON value, or UNSET. It is encoded at most once, and stored at most once."""

    __slots__ = ("_shown", "_text", "origin", "seq", "value")

    def __init__(self, value: object, *, text: bytes | None = None, seq: int | None = None) -> None:
        self.value = value
        self._text = text
        self.seq = seq  # the event that holds it
        self.origin: Origin | None = None
        self._shown: tuple[Redactor | None, int, str] | None = None

    @classmethod
    def settled(cls, result: object, like: "Value | None" = None) -> "Value":
        """What a function of the workflow returned, as data that has no other owner. Raises NotJson.

        `like`: what the function was given; it is taken again when the result is the same.
        """
        if result is UNSET:
            return NOTHING
        text = write(result)
        if like is not None and like._text == text:
            check_numbers(result, text, like.value)
            return like if like.origin is None else cls(like.value, text=text, seq=like.seq)
        plain = decode(text)
        check_numbers(result, text, plain)
        return cls(plain, text=text)

    def again(self) -> "Value":
        """The same value for another key of an event: where it is stored is noted for this one alone."""
        return Value(self.value, text=self._text, seq=self.seq)

    @property
    def text(self) -> bytes:
        """The value as JSON. Not for UNSET."""
        if self._text is None:
            self._text = encode(self.value)
        return self._text

    def copy(self) -> object:
        """The value as an object of its own, which may be changed freely."""
        if type(self.value) in _SCALARS or self.value is UNSET:
            return self.value
        return decode(self.text)

    def is_written_as(self, other: "Value") -> bool:
        """Whether both have the same JSON text; 1, 1.0 and true differ."""
        if self.value is UNSET or other.value is UNSET:
            return self.value is other.value
        return self is other or self.text == other.text

    def shown(self, redactor: Redactor | None) -> str:
        """The value as spans show it. Cached: what one step returns is what the next one gets. Not for UNSET."""
        known = 0 if redactor is None else redactor.known
        shown = self._shown
        if shown is None or shown[0] is not redactor or shown[1] != known:
            text = payload_text(self.value, redactor)
            shown = self._shown = (redactor, 0 if redactor is None else redactor.known, text)
        return shown[2]


NOTHING = Value(UNSET)
