"""What all workloads measure with: the clock, percentiles, memory, and how many things go on at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

now = time.perf_counter


def quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds."""
    began = now()
    await work()
    return (now() - began) * 1000


async def at_once(work: Callable[[], Awaitable[object]], count: int, together: int) -> None:
    """Do it `count` times, `together` of them at any moment."""
    left = iter(range(count))

    async def worker() -> None:
        for _ in left:
            await work()

    await asyncio.gather(*(worker() for _ in range(together)))


def megabyte() -> dict[str, object]:
    """1 MB of JSON that does not compress to nothing; the same in each round."""
    chance = random.Random(1)
    return {"value": 0, "blob": [{"k": f"key{n}", "v": chance.randbytes(500).hex()} for n in range(1000)]}


def resident_mb(pid: int) -> float:
    """All of a process's memory that is in RAM, mapped pages of files included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
