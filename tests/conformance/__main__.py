"""`python -m tests.conformance FOLDER [--store memory|database|postgresql] [--only TEXT] [--record NAME]`.

A line for each failing case with its first difference; the last line is `N passed, M failed`; exit code 1 when M > 0.
"""

import argparse
import asyncio
import atexit
import os
import sys
from pathlib import Path

from .calls import OpenStore, memory_store
from .recording import recorded
from .running import check, load_cases, load_divergences, run_one


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Run a folder of recorded cases.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--store", choices=("memory", "database", "postgresql"), default="memory")
    parser.add_argument("--only", default="", help="only cases whose name contains this text")
    parser.add_argument("--record", action="store_true", help="print what we do instead, in the case format")
    return parser.parse_args()


def _open_store(kind: str) -> OpenStore:
    if kind == "memory":
        return memory_store
    from .database import prepare  # Django is set up only when its store is asked for

    if kind == "postgresql":
        from tests.postgresql import PostgresCluster

        cluster = PostgresCluster()
        atexit.register(cluster.remove)
        os.environ["DATABASE_URL"] = cluster.url
    return prepare()


async def _run(options: argparse.Namespace, open_store: OpenStore) -> int:
    reasons = load_divergences()
    passed = failed = 0
    for case in load_cases(options.folder):
        if options.only not in case["name"]:
            continue
        if options.record:
            print(recorded(case, await run_one(case, open_store)), end="")
            continue
        outcome = await check(case, reasons, open_store)
        passed, failed = passed + (outcome.difference is None), failed + (outcome.difference is not None)
        if outcome.difference is not None:
            trap = f" (a quirk of the reference: {case['quirk']})" if "quirk" in case else ""
            print(f"{outcome.name}: {outcome.difference}{trap}", flush=True)
    if not options.record:
        print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    chosen = _arguments()
    if not chosen.folder.is_dir():
        print(f"There is no folder {chosen.folder}.", file=sys.stderr)
        sys.exit(2)
    sys.exit(asyncio.run(_run(chosen, _open_store(chosen.store))))
