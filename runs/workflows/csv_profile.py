"""csv-profile: what is in a table: for each column its type, gaps, distinct values, range and most frequent values.

The columns are profiled several at a time, in threads, since counting is work for the processor and not for the event
loop. Items of a foreach carry a column's number and not its values: the table is in the run's input already.
"""

import csv
import io
import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import NonRetryableError, StepContext, Workflow, step

COLUMNS_AT_ONCE = 4
ROWS_OF_A_CHUNK = 20_000
SEPARATOR = "\x00"  # between the values of a column that is stored as one text; CSV cannot hold it
LONGEST_SHOWN = 200  # characters of a frequent value

Kind = Literal["empty", "boolean", "integer", "decimal", "date", "date-time", "text"]

SAMPLE = """\
city,country,founded,population,capital
Paris,FR,-250,2102650,true
Lisbon,PT,,567131,true
Porto,PT,,248769,false
Lyon,FR,-43,522250,false
Bergen,NO,1070,291940,false
"""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    csv: str = Field(
        SAMPLE,
        min_length=1,
        title="CSV",
        description="The table's text, or the text of a file",
        json_schema_extra={"format": "textarea", "contentMediaType": "text/csv"},
    )
    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe"] = "auto"
    header: bool = Field(True, description="The first row names the columns")
    top: int = Field(5, ge=0, le=50, title="Frequent values", description="How many to list for each column")


class Column(BaseModel):
    index: int
    name: str
    delimiter: str


class ValueCount(BaseModel):
    value: str
    count: int


class ColumnProfile(BaseModel):
    name: str
    type: Kind
    rows: int
    nulls: int
    distinct: int
    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    mean: float | None = None
    top: list[ValueCount]


class Profile(BaseModel):
    rows: int
    columns: list[ColumnProfile]


@step(input=Table, output=list[Column])
def read_header(ctx: StepContext[Table]) -> list[Column]:
    """Find the delimiter and the columns, and make sure that each row has them all."""
    delimiter = _delimiter(ctx.input)
    names, rows, _ = _columns(ctx.input.csv, delimiter, ctx.input.header)
    ctx.writer.write({"type": "table", "rows": rows, "columns": len(names)})
    return [Column(index=index, name=name, delimiter=delimiter) for index, name in enumerate(names)]


@step(input=Column, output=ColumnProfile)
def profile_column(ctx: StepContext[Column]) -> ColumnProfile:
    """Count the values of one column, and tell what they are."""
    table = Table.model_validate(ctx.get_init_data())
    _, rows, columns = _columns(table.csv, ctx.input.delimiter, table.header)
    values = columns[ctx.input.index].split(SEPARATOR) if rows else []
    counts: Counter[str] = Counter()
    for done, chunk in _chunks(values):
        if ctx.abort_signal.aborted:
            raise NonRetryableError("Stopped: the run was canceled.")
        counts.update(chunk)
        ctx.writer.write({"type": "progress", "column": ctx.input.name, "done": done, "of": len(values)})
    profile = _profile(ctx.input.name, len(values), counts, table.top)
    ctx.writer.write(f"{profile.name}: {profile.type}, {profile.distinct} distinct, {profile.nulls} empty. ")
    return profile


@step(input=list[ColumnProfile], output=Profile)
async def put_together(ctx: StepContext[list[ColumnProfile]]) -> Profile:
    """The table's profile."""
    return Profile(rows=ctx.input[0].rows, columns=ctx.input)


# --- Reading ----------------------------------------------------------------------------------------


def _delimiter(table: Table) -> str:
    named = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
    if table.delimiter != "auto":
        return named[table.delimiter]
    first = table.csv.lstrip("\ufeff").split("\n", 1)[0]
    return max(named.values(), key=first.count)


@lru_cache(maxsize=1)  # all columns of a run come from one reading; a text is a tenth of what its cells would take
def _columns(text: str, delimiter: str, header: bool) -> tuple[list[str], int, list[str]]:
    """The columns' names, how many rows there are, and each column's values as one text.

    Raises NonRetryableError for what is no table.
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    rows = _rows(text, delimiter)
    first = next(rows, None)
    if first is None:
        raise NonRetryableError("The table is empty.")
    names = _unique(first) if header else [f"column {number}" for number in range(1, len(first) + 1)]
    cells: list[list[str]] = [[] if header else [value] for value in first]
    for row in rows:
        for column, value in zip(cells, row, strict=True):
            column.append(value)
    return names, len(cells[0]), [SEPARATOR.join(column) for column in cells]


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff").replace(SEPARATOR, ""), newline=""), delimiter=delimiter)
    width = 0
    try:
        for row in reader:
            if not row:  # an empty line
                continue
            width = width or len(row)
            if len(row) != width:
                raise NonRetryableError(f"Line {reader.line_num} has {len(row)} values, the first has {width}.")
            yield row
    except csv.Error as error:
        raise NonRetryableError(f"Line {reader.line_num}: {error}.") from error


def _unique(names: list[str]) -> list[str]:
    """The names, each once: a second `total` is `total (2)`, one without a name is `column 7`."""
    seen: Counter[str] = Counter()
    unique = []
    for number, raw in enumerate(names, 1):
        name = raw.strip() or f"column {number}"
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique


def _chunks(values: list[str]) -> Iterator[tuple[int, Iterable[str]]]:
    """Some thousand values at a time, each with how many are done then."""
    rest = iter(values)
    for start in range(0, len(values), ROWS_OF_A_CHUNK):
        yield min(start + ROWS_OF_A_CHUNK, len(values)), islice(rest, ROWS_OF_A_CHUNK)


# --- Telling what the values are --------------------------------------------------------------------

INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")  # 00123 is a label, and 19 digits may not fit 64 bits
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
DATE_TIME = re.compile(DATE.pattern + r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
BOOLEANS = frozenset({"true", "false", "yes", "no"})
NULLS = frozenset({"", "null", "none", "na", "n/a", "nan"})


def _profile(name: str, rows: int, counts: Counter[str], top: int) -> ColumnProfile:
    filled = Counter({value: count for value, count in counts.items() if value.strip().lower() not in NULLS})
    kind = _kind(filled)
    profile = ColumnProfile(
        name=name,
        type=kind,
        rows=rows,
        nulls=rows - filled.total(),
        distinct=len(filled),
        top=[ValueCount(value=value[:LONGEST_SHOWN], count=count) for value, count in filled.most_common(top)],
    )
    if kind in ("integer", "decimal"):
        number = int if kind == "integer" else float
        by_number: Counter[int | float] = Counter()
        for value, count in filled.items():  # `1`, `+1` and `1.0` are one number
            by_number[number(value)] += count
        profile.minimum, profile.maximum = min(by_number), max(by_number)
        profile.mean = statistics.fmean(by_number, weights=by_number.values())
    elif kind != "empty":
        profile.minimum, profile.maximum = min(filled)[:LONGEST_SHOWN], max(filled)[:LONGEST_SHOWN]
    return profile


def _kind(values: Iterable[str]) -> Kind:
    """The narrowest type that fits them all."""
    stripped = [value.strip() for value in values]
    if not stripped:
        return "empty"
    if all(value.lower() in BOOLEANS for value in stripped):
        return "boolean"
    if all(map(INTEGER.fullmatch, stripped)):
        return "integer"
    if all(_is_decimal(value) for value in stripped):
        return "decimal"
    if all(map(DATE.fullmatch, stripped)):
        return "date"
    if all(map(DATE_TIME.fullmatch, stripped)):
        return "date-time"
    return "text"


def _is_decimal(value: str) -> bool:
    if not DECIMAL.fullmatch(value) or re.match(r"[+-]?0\d", value):
        return False
    return math.isfinite(float(value))


csv_profile = (
    Workflow(
        id="csv-profile",
        description="Profiles each column of a CSV table: type, gaps, distinct values, range, frequent values",
        input=Table,
        output=Profile,
    )
    .then(read_header)
    .foreach(profile_column, concurrency=COLUMNS_AT_ONCE)
    .then(put_together)
    .commit()
)
