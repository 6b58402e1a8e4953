import time

import pytest

from runs.engine import InvalidInput
from runs.workflows import text_stream


async def test_the_tokens_come_in_order_and_as_often_as_asked(play):
    played = await play(text_stream, input_data={"text": "one two three", "tokens": 7, "tokens_per_second": 0})
    assert played.text == "one two three one two three one "
    assert played.result.result == {"tokens": 7, "characters": 32, "parts": 1}


async def test_without_a_text_there_is_one_to_watch(play):
    played = await play(text_stream, input_data={"tokens": 10, "tokens_per_second": 0})
    assert played.text.startswith("The console keeps every chunk")


async def test_a_rate_is_kept(play):
    began = time.monotonic()
    await play(text_stream, input_data={"text": "a", "tokens": 40, "tokens_per_second": 200})
    assert 0.19 <= time.monotonic() - began < 1.0


async def test_many_tokens_come_in_parts_each_committed_by_itself(play):
    played = await play(text_stream, input_data={"text": "a b", "tokens": 1_700, "tokens_per_second": 0})
    assert played.result.result["parts"] == 4
    assert len(played.chunks) >= 1_700


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"tokens": 100_001}, {"tokens_per_second": -1}, {"text": ""}])
async def test_a_wrong_wish_is_refused_before_anything_runs(play, wrong):
    with pytest.raises(InvalidInput):
        await play(text_stream, input_data=wrong)
