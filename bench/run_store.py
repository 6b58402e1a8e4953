"""W1 to W5 of the performance goals, in process: the engine on the database store, beside the raw limits of SQLite.

    python -m bench.run_store [W1 W2 …] [--rounds 3]

Each round runs in a new process on an empty database; medians with least and most. `--profile` shows where the time
of one round goes.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

WORKLOADS = ("floor", "W1", "W2", "W3", "W4", "W5")
now = time.perf_counter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.workloads[0], profile=arguments.profile)))
        return
    for workload in arguments.workloads:
        figures: dict[str, list[float]] = {}
        for _ in range(1 if arguments.profile else arguments.rounds):
            for name, value in one_round(workload, profile=arguments.profile).items():
                figures.setdefault(name, []).append(value)
        for name, values in figures.items():
            median = statistics.median(values)
            print(f"{workload:6}{name:24}{median:12,.2f}   {min(values):,.2f} – {max(values):,.2f}", flush=True)


def one_round(workload: str, *, profile: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="wfconsole-bench-") as folder:
        command = [sys.executable, "-m", "bench.run_store", workload, "--one", *(["--profile"] if profile else [])]
        environment = os.environ | {"WFCONSOLE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "wfconsole.settings"}
        run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
        return json.loads(run.stdout)


def measure(workload: str, *, profile: bool) -> dict[str, float]:
    if workload == "floor":
        return floor(Path(os.environ["WFCONSOLE_DATA_DIR"]) / "floor.db")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, skip_checks=True)
    from bench.store_workloads import MEASURES

    if not profile:
        return asyncio.run(MEASURES[workload]())
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    figures = asyncio.run(MEASURES[workload]())
    profiler.disable()
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    return figures


def floor(path: Path) -> dict[str, float]:
    """What SQLite itself does here and now: the rows of a run and of its steps, by the least statements."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=normal", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE step(run TEXT, n INT, data BLOB, PRIMARY KEY(run, n)) WITHOUT ROWID")
    data = b"x" * 120
    began = now()
    for n in range(5000):
        connection.execute("INSERT INTO step VALUES('a', ?, ?)", (n, data))
    commits = 5000 / (now() - began)
    began = now()
    for batch in range(200):
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO step VALUES('b', ?, ?)", [(batch * 100 + n, data) for n in range(100)])
        connection.execute("COMMIT")
    return {"commits_s": commits, "grouped_rows_s": 20_000 / (now() - began)}


def quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = now()
    await work()
    return (now() - began) * 1000


async def at_once(work: Callable[[], Awaitable[object]], count: int, together: int) -> None:
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await work()

    await asyncio.gather(*(worker() for _ in range(together)))


def megabyte() -> dict[str, object]:
    """1 MB of JSON that does not compress to nothing; the same in each round."""
    chance = random.Random(1)
    return {"value": 0, "blob": [{"k": f"key{n}", "v": chance.randbytes(500).hex()} for n in range(1000)]}


if __name__ == "__main__":
    main()
