"""Where a field of a form is: among the inputs, in the value, and how much room is left in the form."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from .input_names import segment
from .json_schema import Shape, label_of

MAX_ROWS = 500  # of a list; longer ones are edited as JSON
ROW_FIELDS = 4  # what drawing a row costs, in fields
MAX_FIELDS = 5_000  # of all lists of a form; settings.DATA_UPLOAD_MAX_NUMBER_FIELDS bounds what is sent for them


class Room:
    """How many more fields the lists of a form may draw: a browser sends each as up to four parts of one request."""

    def __init__(self) -> None:
        self.left = MAX_FIELDS

    def take(self, shape: Shape, trees: list[object]) -> bool:
        """Whether a list of these items is drawn as rows."""
        if len(trees) > MAX_ROWS or _size(trees, self.left) > self.left:
            return False
        fields = len(trees) * (ROW_FIELDS + len(shape.properties))
        if fields > self.left:
            return False
        self.left -= fields
        return True


def _size(tree: object, most: int) -> int:
    """How many values a value holds, itself counted; not counted further than `most`."""
    count, waiting = 0, [tree]
    while waiting and count <= most:
        item = waiting.pop()
        count += 1
        if isinstance(item, dict | list):
            waiting += item.values() if isinstance(item, dict) else item
    return count


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a field stands: among the form's inputs, and in the value."""

    pointer: str
    where: tuple[str | int, ...] = ()
    key: str = ""
    label: str = ""
    needed: bool = True
    room: Room = dataclasses.field(default_factory=Room)

    def child(self, key: str, shape: Shape, needed: bool) -> "Spot":
        pointer = f"{self.pointer}/{segment(key)}"
        return Spot(pointer, (*self.where, key), key, label_of(key, shape.title), needed, self.room)

    def row(self, row_key: str, index: int, noun: str) -> "Spot":
        return Spot(f"{self.pointer}/{row_key}", (*self.where, index), "", noun, True, self.room)

    def common(self, shape: Shape) -> dict[str, Any]:
        """What every kind of field is made with."""
        return {
            "shape": shape,
            "key": self.key,
            "label": self.label,
            "pointer": self.pointer,
            "where": self.where,
            "needed": self.needed,
        }
