"""Where the parts of a JSON text stand, so that an error can point at its line."""

import re
from collections.abc import Iterator

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


def lines_of(text: str) -> dict[str, int]:
    """The line, from 1, of each part of a valid JSON text by its dotted path; of a key's value the line of the key."""
    places: dict[str, int] = {"": 1}
    tokens = _tokens(text)
    where: list[tuple[str, int]] = []  # of each open object or array: its path, and the next index; -1 for an object
    path = ""
    for word, line in tokens:
        if word in "}]":
            where.pop()
        elif word == ",":
            continue
        else:
            if where:
                above, index = where[-1]
                if index < 0:
                    path = f"{above}.{_key(word)}" if above else _key(word)
                    next(tokens)  # the colon
                    word, _ = next(tokens)
                else:
                    path = f"{above}.{index}" if above else str(index)
                    where[-1] = (above, index + 1)
            places.setdefault(path, line)
            if word in "{[":
                where.append((path, -1 if word == "{" else 0))
    return places


def line_of(path: str, places: dict[str, int]) -> int:
    """The line of a path, or of the nearest part above it that is there."""
    while path and path not in places:
        path = path.rpartition(".")[0]
    return places.get(path, 1)


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, end = 1, 0
    for found in TOKEN.finditer(text):
        line += text.count("\n", end, found.start())
        end = found.start()
        yield found.group(), line


def _key(word: str) -> str:
    return word[1:-1]
