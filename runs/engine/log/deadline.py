"""How long a run may take as a whole: from the moment it is due to start, whatever it waits for meanwhile."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import InvalidWorkflow

LONGEST_SECONDS = 366 * 86_400.0

# Who has set a limit, in the words of the error's sentence.
BY_START = "start"
BY_CONSOLE = "console"
BY_CODE = "workflow"
_WORDS = {
    BY_START: "which was set when it was started",
    BY_CONSOLE: "which the console sets for the workflow",
    BY_CODE: "which the workflow's code sets",
}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Deadline(NamedTuple):
    """When a run fails if it has not ended; stored in its log."""

    at: int  # epoch milliseconds
    seconds: float
    set_by: str  # BY_START, BY_CONSOLE or BY_CODE

    @classmethod
    def after(cls, seconds: float, set_by: str, begins_at: int) -> "Deadline":
        """`begins_at`: epoch milliseconds."""
        return cls(begins_at + round(seconds * 1000), seconds, set_by)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Deadline":
        return cls(int(data["at"]), float(data["seconds"]), str(data["setBy"]))

    def to_json(self) -> dict[str, object]:
        """As the event of the start keeps it."""
        return {"at": self.at, "seconds": self.seconds, "setBy": self.set_by}

    def again(self, at: int) -> "Deadline":
        """The same limit for a run that is sent back to a step at that moment."""
        return Deadline.after(self.seconds, self.set_by, at)

    def error(self) -> dict[str, object]:
        """The error of a run that has reached it."""
        limit = f"The run took longer than its time limit of {in_words(self.seconds)}"
        return {"message": f"{limit}, {_WORDS.get(self.set_by, 'which was set for it')}.", "name": "TimeoutError"}


def in_words(seconds: float) -> str:
    """`90 s`, `2 min`, `1.5 s`: in the largest unit that leaves no fraction."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def checked_limit(seconds: float | None, what: str) -> float | None:
    """A time limit of a step or a workflow. Raises InvalidWorkflow unless it is a number of seconds above 0."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_SECONDS:
        raise InvalidWorkflow(f"{what}: timeout is {seconds!r}; it must be a number of seconds above 0.")
    return None if math.isinf(seconds) else float(seconds)
