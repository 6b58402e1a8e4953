import asyncio
import random
import time

from runs.workflows import csv_profile
from runs.workflows.csv_profile import ROWS_OF_A_CHUNK


def by_name(played):
    return {column["name"]: column for column in played.result.result["columns"]}


async def test_each_column_gets_its_type_range_and_gaps(play):
    table = (
        "id,price,born,seen,active,name,nothing\n"
        "1,2.50,1999-12-31,2026-01-02T03:04:05Z,true,Ada,\n"
        "2,10,2000-01-01,2026-01-02 03:04,no,Grace,\n"
        "3,,2001-02-03,,yes,Ada,\n"
    )
    played = await play(csv_profile, input_data={"csv": table})
    assert played.result.status == "success", played.result.error
    columns = by_name(played)
    assert [column["type"] for column in columns.values()] == [
        "integer",
        "decimal",
        "date",
        "date-time",
        "boolean",
        "text",
        "empty",
    ]
    assert (columns["id"]["minimum"], columns["id"]["maximum"], columns["id"]["mean"]) == (1, 3, 2.0)
    assert (columns["price"]["nulls"], columns["price"]["mean"]) == (1, 6.25)
    assert columns["born"]["maximum"] == "2001-02-03"
    assert columns["name"]["top"][0] == {"value": "Ada", "count": 2}
    assert columns["nothing"]["nulls"] == 3
    assert played.result.result["rows"] == 3


async def test_what_looks_like_a_number_but_is_a_label_stays_text(play):
    played = await play(csv_profile, input_data={"csv": "zip,big\n01234,123456789012345678901\n00001,5\n"})
    columns = by_name(played)
    assert columns["zip"]["type"] == "text"
    assert columns["big"]["type"] == "decimal"  # more than 64 bits: counted as a fraction, never as a wrong integer


async def test_equal_numbers_written_differently_count_together_for_the_mean(play):
    played = await play(csv_profile, input_data={"csv": "n\n1\n1.0\n4\n"})
    assert by_name(played)["n"]["mean"] == 2.0


async def test_quotes_line_breaks_and_other_delimiters_are_read(play):
    played = await play(csv_profile, input_data={"csv": 'a;b\n"x;1\n2";3\ny;4\n', "top": 1})
    columns = by_name(played)
    assert columns["a"]["distinct"] == 2
    assert columns["b"]["maximum"] == 4


async def test_columns_without_names_and_with_equal_names_are_told_apart(play):
    named = by_name(await play(csv_profile, input_data={"csv": "total,total,\n1,2,3\n"}))
    assert list(named) == ["total", "total (2)", "column 3"]
    numbered = by_name(await play(csv_profile, input_data={"csv": "1,2\n3,4\n", "header": False}))
    assert list(numbered) == ["column 1", "column 2"]
    assert numbered["column 1"]["rows"] == 2


async def test_a_table_of_one_empty_cell_has_one_row(play):
    played = await play(csv_profile, input_data={"csv": 'a\n""\n'})
    assert by_name(played)["a"]["rows"] == 1
    assert by_name(played)["a"]["nulls"] == 1


async def test_a_header_alone_is_a_table_of_no_rows(play):
    played = await play(csv_profile, input_data={"csv": "a,b\n"})
    assert played.result.result["rows"] == 0


async def test_a_row_with_too_few_values_fails_and_names_its_line(play):
    played = await play(csv_profile, input_data={"csv": "a,b\n1,2\n3\n"})
    assert played.result.status == "failed"
    assert played.result.error["message"] == "Line 3 has 1 values, the first has 2."


async def test_progress_is_streamed_for_each_column(play):
    table = "a,b\n" + "1,2\n" * (ROWS_OF_A_CHUNK + 5)
    played = await play(csv_profile, input_data={"csv": table})
    done = [(chunk["column"], chunk["done"]) for chunk in played.of_type("progress")]
    assert [count for name, count in done if name == "a"] == [ROWS_OF_A_CHUNK, ROWS_OF_A_CHUNK + 5]
    assert "a: integer, 1 distinct, 0 empty. " in played.chunks


async def test_a_hundred_thousand_rows_of_twenty_columns_leave_the_loop_free(play):
    made = random.Random(7)
    rows = [",".join(str(made.randrange(10 ** (column % 6 + 1))) for column in range(20)) for _ in range(100_000)]
    table = ",".join(f"c{column}" for column in range(20)) + "\n" + "\n".join(rows)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            asked = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - asked)

    watching = asyncio.create_task(watch())
    played = await play(csv_profile, input_data={"csv": table, "top": 3})
    watching.cancel()
    assert played.result.status == "success", played.result.error
    assert [column["rows"] for column in played.result.result["columns"]] == [100_000] * 20
    assert longest < 2.0  # seconds that anything else in this process had to wait
