"""The mark for "no value at all", which differs from None: JSON null is a value."""

from enum import Enum
from typing import Final


class Unset(Enum):
    """Has one member, UNSET. It is false in conditions and cannot be written as JSON."""

    UNSET = object()  # no text: orjson writes the value of an enum

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
