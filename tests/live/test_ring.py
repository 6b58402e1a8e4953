"""The newest events of a followed run: what a socket may be given without asking the database."""

import json

import pytest

from runs.engine.log.events import Event
from runs.engine.redaction.redactor import Redactor
from runs.live.ring import OBJECT_BYTES, Ring
from runs.store.redaction import RunRedactor

REDACTOR = RunRedactor("run", Redactor())
DATA = b'{"id":"write","output":"12345678901234567890"}'


def events(first: int, last: int, data: bytes = DATA, **more: object) -> list[Event]:
    return [Event(seq, "workflow-step-output", 7, data, **more) for seq in range(first, last + 1)]


def seqs(ring: Ring, after: int, limit: int = 10_000) -> list[int] | None:
    lines = ring.after(after, limit)
    if lines is None:
        return None
    assert [json.loads(line.text)["seq"] for line in lines] == [line.seq for line in lines]
    return [line.seq for line in lines]


def test_a_whole_commit_of_a_fast_step_is_there_for_who_was_at_its_beginning():
    ring = Ring(REDACTOR)
    ring.add(events(1, 1000))
    ring.add(events(1001, 2000))
    assert seqs(ring, 0, 200) == list(range(1, 201))
    assert seqs(ring, 1900) == list(range(1901, 2001))
    assert seqs(ring, 2000) == []
    assert seqs(ring, 150, 100) == list(range(151, 251))


def test_what_is_older_than_the_ring_is_not_known_to_it():
    ring = Ring(REDACTOR)
    assert seqs(ring, 0) is None
    ring.add(events(5, 9))
    assert seqs(ring, 3) is None
    assert seqs(ring, 4) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("asked", [0, 3, 40])
def test_the_oldest_go_when_it_is_full_whether_they_were_asked_for_or_not(asked):
    size = OBJECT_BYTES + len(DATA) + 60  # a line is longer than its data
    ring = Ring(REDACTOR, most_bytes=40 * size)
    for first in range(1, 201, 10):
        ring.add(events(first, first + 9))
        newest = seqs(ring, first + 9 - min(asked, 10))
        assert newest == list(range(first + 10 - min(asked, 10), first + 10))
        if asked:
            seqs(ring, max(0, first + 9 - asked))
    first = ring.first
    assert first is not None
    assert 30 <= 201 - first <= 60
    assert seqs(ring, first - 1) == list(range(first, 201))


def test_a_single_event_that_is_larger_than_the_ring_is_kept_until_the_next_one():
    ring = Ring(REDACTOR, most_bytes=1000)
    ring.add(events(1, 1, b'{"output":"%b"}' % (b"x" * 5000)))
    assert seqs(ring, 0) == [1]
    ring.add(events(2, 2))
    assert seqs(ring, 0) is None
    assert seqs(ring, 1) == [2]


def test_after_a_hole_only_what_follows_it_is_there():
    ring = Ring(REDACTOR)
    ring.add(events(1, 5))
    ring.add(events(8, 9))
    assert seqs(ring, 5) is None
    assert seqs(ring, 7) == [8, 9]


def test_an_event_with_a_value_kept_apart_is_left_to_the_database():
    ring = Ring(REDACTOR)
    ring.add([*events(1, 5), *events(6, 6, large={"output": b"1"}), *events(7, 8)])
    assert seqs(ring, 5) is None
    assert seqs(ring, 6) == [7, 8]
    ring.add(events(9, 9, large={"output": b"1"}))
    assert seqs(ring, 8) is None


def test_secrets_are_hidden_in_its_lines():
    ring = Ring(REDACTOR)
    ring.add(events(1, 1, b'{"id":"a","output":{"password":"hunter2"}}'))
    lines = ring.after(0, 10)
    assert lines is not None
    assert b"hunter2" not in lines[0].text
