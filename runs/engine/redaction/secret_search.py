"""A search for known secrets, in whatever form they are written, through texts of any size: linear in the text."""

import base64
import html
import json
from collections.abc import Collection, Iterator
from functools import lru_cache
from numbers import Number
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from .secret_names import TRACES

if TYPE_CHECKING:
    from ahocorasick_rs import BytesAhoCorasick

SHORTEST = 6  # characters; a shorter secret would hide half of every text
PIECE = 512  # characters: a longer secret is searched for piece by piece
MOST_PIECES = 64  # of one secret
ESCAPED_TIMES = 3  # a text in JSON in JSON, and once more in the event that holds it


class SecretSearch:
    """Finds secrets: as they are, and as JSON, Python, HTML, a URL, base64 and hexadecimal digits write them."""

    __slots__ = ("_automaton",)

    def __init__(self, secrets: Collection[str]) -> None:
        needles = {needle for secret in secrets for needle in _forms(secret) if len(needle) >= SHORTEST}
        self._automaton = _automaton(sorted(needles))

    def find(self, text: bytes) -> list[tuple[int, int]]:
        """Where secrets stand in the text: start and end, in order, without overlaps."""
        return [(start, end) for _, start, end in self._automaton.find_matches_as_indexes(text)]


@lru_cache(maxsize=1)
def name_search() -> "BytesAhoCorasick":
    """Finds what each secret name holds, in a text in lower case."""
    return _automaton([trace.encode() for trace in TRACES])


def _automaton(needles: list[bytes]) -> "BytesAhoCorasick":
    # Not before it is needed: an engine without secrets does without.
    from ahocorasick_rs import BytesAhoCorasick, MatchKind

    return BytesAhoCorasick(needles, matchkind=MatchKind.LeftmostLongest)


def searched_texts(secret: object) -> Iterator[str]:
    """What is looked for of a secret: nothing of a short one, the pieces of a long one."""
    if isinstance(secret, bool) or not isinstance(secret, str | Number):
        return
    text = str(secret).strip()
    # A secret of several lines, such as a key in PEM, is quoted line by line, too.
    lines = [line.strip() for line in text.splitlines()] if "\n" in text else [text]
    pieces = [line[start : start + PIECE] for line in lines for start in range(0, len(line), PIECE)]
    for piece in pieces[:MOST_PIECES]:
        if len(piece) >= SHORTEST:
            yield piece


def _forms(secret: str) -> Iterator[bytes]:
    data = secret.encode("utf-8", "surrogatepass")
    yield data
    texts = {secret, repr(secret)[1:-1], html.escape(secret)}
    for quoted in (quote(data, safe=""), quote(data), quote_plus(data)):
        texts |= {quoted, _lower_escapes(quoted)}
    for _ in range(ESCAPED_TIMES):
        texts |= {json.dumps(text, ensure_ascii=ascii)[1:-1] for text in texts for ascii in (False, True)}
    for text in texts:
        yield text.encode("utf-8", "surrogatepass")
    yield from (data.hex().encode(), data.hex().upper().encode())
    for before in range(3):
        # The characters that depend on the secret alone, wherever in a longer text it stood when that was encoded.
        first, last = -(-8 * before // 6), 8 * (before + len(data)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * before + data)[first:last]


def _lower_escapes(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
