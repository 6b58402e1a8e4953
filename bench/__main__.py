"""The benchmark: `make bench`, or `python -m bench [floor W1 W2 …] [--rounds 3] [--out FILE]`.

Rounds go over all workloads, each in new processes on a database of its own. A figure is the median of the rounds,
beside it the least and the most. `--profile W1` tells instead where the time of one round goes.
"""

import argparse
import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from .table import print_table, to_json

ENGINE = ("W1", "W2", "W3", "W4", "W5")
SERVER = ("W4", "W6", "W7", "W9")
WORKLOADS = ("floor", "W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10")
LONGEST_SECONDS = 240.0  # of one part, so that a console that hangs does not hang the benchmark
RUNS_OF = {"W8": 10_000, "W10": 1_000_000}
Rounds = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the console.")
    parser.add_argument("workloads", nargs="*", help=f"some of {', '.join(WORKLOADS)}; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    parser.add_argument("--profile", action="store_true", help="one round of W1 to W5 under cProfile")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := [name for name in given.workloads if name not in WORKLOADS]:
        parser.error(f"there is no workload {unknown[0]}; there are {', '.join(WORKLOADS)}")
    wanted = [name for name in WORKLOADS if name in given.workloads or not given.workloads]
    if given.part:
        print(json.dumps(measure(given.part, wanted, given.folder, profile=given.profile)))
        return
    figures = all_rounds(wanted, 1 if given.profile else given.rounds, profile=given.profile)
    print_table(figures)
    if given.out is not None:
        given.out.write_text(json.dumps(to_json(figures), indent=1) + "\n")


def all_rounds(wanted: Collection[str], rounds: int, *, profile: bool) -> Rounds:
    figures: Rounds = {name: {} for name in wanted}
    with tempfile.TemporaryDirectory(prefix="wfconsole-bench-") as scratch:
        home = Path(scratch)
        if set(wanted) - {"floor"}:
            part("first-start", [], home / "fresh")
        for name in RUNS_OF.keys() & set(wanted):  # seeded once; what the rounds do is read
            shutil.copytree(home / "fresh", home / name)
            part("seed", [name], home / name)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            for kind, names in parts_of(wanted):
                folder = home / names[0]
                if kind != "history":
                    folder = home / "round"
                    shutil.copytree(home / "fresh", folder) if kind != "floor" else folder.mkdir()
                for workload, found in part(kind, names, folder, profile=profile).items():
                    for metric, value in found.items():
                        figures[workload].setdefault(metric, []).append(value)
                if kind != "history":
                    shutil.rmtree(folder)
    return figures


def parts_of(wanted: Collection[str]) -> list[tuple[str, list[str]]]:
    """What is measured in one process: a workload of the engine, all those of the server, one of the history."""
    parts = [("floor", ["floor"])] if "floor" in wanted else []
    parts += [("engine", [name]) for name in ENGINE if name in wanted]
    if served := [name for name in SERVER if name in wanted]:
        parts.append(("server", served))
    return parts + [("history", [name]) for name in RUNS_OF if name in wanted]


def part(kind: str, names: list[str], folder: Path, *, profile: bool = False) -> dict[str, dict[str, float]]:
    """In a process of its own: memory, caches and threads of one part are nothing to the next."""
    command = [sys.executable, "-m", "bench", *names, "--part", kind, "--folder", str(folder)]
    ours = ("WFCONSOLE_", "OTEL_", "DATABASE_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"WFCONSOLE_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "wfconsole.settings"}
    # A start that had to compile the console would be a first one; the part that starts it before the rounds does that.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if profile:
        command.append("--profile")
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, check=True, text=True, timeout=LONGEST_SECONDS
    )
    *notes, last = done.stdout.splitlines()
    for note in notes:
        print(note, file=sys.stderr)
    return json.loads(last)


def measure(kind: str, names: list[str], folder: Path, *, profile: bool) -> dict[str, dict[str, float]]:
    """The figures of one part, in this process."""
    if kind == "floor":
        from .floor import floor

        return {"floor": floor(folder)}
    if kind == "first-start":
        from .server import first_start

        first_start(folder)
        return {}
    if kind == "server":
        from .server import measure as measure_server

        return measure_server(names, folder)
    return _with_django(kind, names[0], profile=profile)


def _with_django(kind: str, name: str, *, profile: bool) -> dict[str, dict[str, float]]:
    from wfconsole import telemetry
    from wfconsole.server import memory

    memory.raise_gc_threshold()  # as the server does
    telemetry.start()
    import django

    django.setup()
    if kind == "engine":
        return {name: _engine(name, profile=profile)}
    from . import history

    if kind == "seed":
        history.seed(RUNS_OF[name])
        return {}
    return {name: history.w8() if name == "W8" else history.w10()}


def _engine(name: str, *, profile: bool) -> dict[str, float]:
    from runs.store.checkpoints import Checkpoints

    from .engine import measure as measure_engine

    checkpoints = Checkpoints()  # as the executor has them
    checkpoints.start()
    gc.collect()  # as the server does five seconds after its start
    gc.freeze()
    try:
        if not profile:
            return asyncio.run(measure_engine(name))
        import cProfile
        import pstats

        with cProfile.Profile(time.thread_time) as profiler:
            figures = asyncio.run(measure_engine(name))
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
        return figures
    finally:
        checkpoints.stop()


if __name__ == "__main__":
    main()
