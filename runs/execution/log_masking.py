"""Hides secrets in free text, where no key tells which words are secret."""

import re
from collections.abc import Iterable, Iterator, Mapping

from runs.engine.masking import SECRET_WORDS, Mask

MOST_OF_RUN = 50_000  # values that are looked at to find the secrets of a run; an input may be of any size
MOST_OF_STEP = 2_000
SHORTEST = 4  # characters; a shorter secret would hide half of every line
MASKED = "[masked]"
# token=abc, "apiKey": "abc", Authorization: Bearer abc. The part of a name before its last word is not matched: looking
# for it takes time that grows with the square of a run of word characters.
_NAMES = "|".join(sorted((re.sub(r"(?<=[a-z])(?=key|number|id$)", "[_ -]?", word) for word in SECRET_WORDS), key=len))
_NAMED = re.compile(
    rf"""(?ix) (?P<name> (?:{_NAMES}) ) (?P<sign> ["']? \s* [=:] \s* )
    (?P<scheme> (?: bearer | basic ) \s+ )? (?P<value> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s,;&)}}\]"']+ )"""
)


class Secrets:
    """The secret values of a run, found in what it was given. hide() from any thread."""

    def __init__(self, texts: frozenset[str]) -> None:
        self._texts = texts
        longest_first = sorted(texts, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    @classmethod
    def of_run(cls, mask: Mask, given: Iterable[object]) -> "Secrets":
        return cls(_texts(mask, given, MOST_OF_RUN))

    def and_of_step(self, mask: Mask, given: Iterable[object]) -> "Secrets":
        more = _texts(mask, given, MOST_OF_STEP)
        return self if more <= self._texts else Secrets(self._texts | more)

    def hide(self, text: str) -> str:
        """The text without those values, and without what stands behind a name such as `password=`."""
        if self._values is not None:
            text = self._values.sub(MASKED, text)
        if "=" in text or ":" in text:
            text = _NAMED.sub(lambda found: f"{found['name']}{found['sign']}{MASKED}", text)
        return text


def _texts(mask: Mask, given: Iterable[object], most: int) -> frozenset[str]:
    budget = [most]
    return frozenset(text for value in given for text in _secrets(mask, value, False, budget))


def _secrets(mask: Mask, value: object, is_secret: bool, budget: list[int]) -> Iterator[str]:
    budget[0] -= 1
    if budget[0] < 0:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(mask, item, is_secret or mask.rule(str(key)) is not None, budget)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(mask, item, is_secret, budget)
    elif is_secret and isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) >= SHORTEST:
        yield str(value)
