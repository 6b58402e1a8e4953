"""What a caller hands to every step of a run: who asks, for whom, with which settings."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping

from .paths import walk_path
from .undefined import UNSET


class RequestContext(MutableMapping[str, object]):
    """One shared, mutable object: all steps of a run, items of a foreach and nested workflows see the same one.

    Values are JSON; they are stored with the run and come back when it is resumed.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object] | Iterable[tuple[str, object]] | None = None) -> None:
        self._values: dict[str, object] = dict(values) if values is not None else {}

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def __setitem__(self, key: str, value: object) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"RequestContext({', '.join(self._values)})"  # no values: they may be secret

    def set(self, key: str, value: object) -> None:
        """Same as `context[key] = value`, in the reference's word."""
        self._values[key] = value

    def has(self, key: str) -> bool:
        """Whether the key is there, even with the value None."""
        return key in self._values

    def delete(self, key: str) -> bool:
        """Remove the key; returns whether it was there."""
        return self._values.pop(key, UNSET) is not UNSET

    def to_dict(self) -> dict[str, object]:
        """The values as a plain dict of their own."""
        return dict(self._values)

    def extract(self, keys: Iterable[str]) -> dict[str, object]:
        """The values under dotted keys, nested again under the same path: `user.id` gives `{"user": {"id": 5}}`.

        The first part is a key of the context, the rest is walked, through lists by index (their level becomes an
        object). What is missing, or lies behind null, is left out. A context key that has a dot itself is not found.
        Source: Mastra reference, tracingOptions.requestContextKeys.
        """
        found: dict[str, object] = {}
        for key in keys:
            first, *rest = key.split(".")
            value = walk_path(self._values.get(first, UNSET), rest)
            if value is not UNSET:
                _nest(found, [first, *rest], value)
        return found


def _nest(target: dict[str, object], parts: list[str], value: object) -> None:
    for part in parts[:-1]:
        inner = target.get(part)
        if not isinstance(inner, dict):
            inner = target[part] = {}
        else:
            inner = target[part] = dict(inner)  # may be the context's own value: never changed from here
        target = inner
    target[parts[-1]] = value
