"""What a client of a run's socket may say, and the words for what it may not."""

from typing import Literal, NamedTuple

import orjson

MAX_CHARACTERS = 200  # of a message: it is one small number


class BadMessage(Exception):
    """The message is not one of the protocol. Its text is the reason that the client is told."""


class Message(NamedTuple):
    kind: Literal["resume", "ack"]
    seq: int


def parse_message(text: str | None) -> Message:
    """`{"resume": after_seq}` or `{"ack": seq}`, nothing else. Raises BadMessage. `text` is None for a binary one."""
    if text is None:
        raise BadMessage("This socket takes text messages, not binary ones.")
    if len(text) > MAX_CHARACTERS:
        raise BadMessage(f"A message of {len(text)} characters is too long; the limit is {MAX_CHARACTERS}.")
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadMessage('The message is not JSON. Send {"resume": 0} or {"ack": 12}.') from None
    if not isinstance(data, dict) or len(data) != 1 or next(iter(data)) not in ("resume", "ack"):
        raise BadMessage('The message is not known. Send {"resume": 0} or {"ack": 12}.')
    kind, seq = next(iter(data.items()))
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
        raise BadMessage(f"The value of {kind} is not a sequence number: a whole number from 0.")
    return Message(kind, seq)
