"""Answers that are given again for a while, when it was dear to find them."""

from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import TypeVar

QUICK_SECONDS = 0.2  # what is found within that is found anew each time
SHARE = 20  # an answer stands for so many times as long as it took to find: looking costs at most a twentieth

Answer = TypeVar("Answer")


def cached(function: Callable[[], Answer]) -> Callable[[], Answer]:
    """Of this process alone. The answer must not be changed by who gets it."""
    kept: list[tuple[float, Answer]] = []  # until when, and the answer

    @wraps(function)
    def ask() -> Answer:
        began = monotonic()
        if kept and began < kept[0][0]:
            return kept[0][1]
        answer = function()
        took = monotonic() - began
        kept[:] = [(began + SHARE * took, answer)] if took > QUICK_SECONDS else []
        return answer

    return ask
