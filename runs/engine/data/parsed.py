"""What reading a value by a schema gives: the value as the schema reads it, or what is wrong with it."""

from typing import NamedTuple

from .json_value import dotted


class Issue(NamedTuple):
    """One thing that is wrong with a value, and where."""

    path: tuple[str | int, ...]
    message: str

    @property
    def dotted(self) -> str:
        """The path as people read it: `order.lines.1.qty`; empty for the whole value."""
        return dotted(self.path)


class Parsed(NamedTuple):
    """A value after reading. With issues, both are the value as it was given."""

    value: object  # plain JSON: what is stored, shown and passed on
    instance: object  # what a step's function gets: the Pydantic model, or the value itself
    issues: tuple[Issue, ...] = ()
    text: bytes | None = None  # the value as JSON, where it is known: the given one, if it is read as it was written
