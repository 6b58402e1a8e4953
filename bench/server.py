"""W4 to a socket and to a page, W6, W7 and W9: a whole console, as `make run` starts it, asked from outside."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.console_server import ROOT, ConsoleServer

from .client import Caller
from .measuring import at_once, now, quantile, resident_mb, timed
from .page import page_rate
from .workflows import CHUNKS

PASSWORD = "bench: one machine, no secrets"
TOKEN = "bench-token-of-this-machine-alone"
SETTLE_SECONDS = 2.0
FIRST_RUN = """
import asyncio
from runs.engine import Workflow, step

@step
async def greet(ctx):
    return {"greeting": "Hello"}

result = asyncio.run(Workflow(id="first").then(greet).commit().create_run().start(input_data={}))
print(result.status, flush=True)
"""


def console(folder: Path) -> ConsoleServer:
    """The console on a folder that it was started on before, or is started on for the first time."""
    server = ConsoleServer(
        folder,
        {
            "WFCONSOLE_ADMIN_PASSWORD": PASSWORD,
            "WFCONSOLE_API_TOKEN": TOKEN,
            "WFCONSOLE_API_REQUESTS_PER_SECOND": "1000000",
            "WFCONSOLE_WORKFLOWS": "bench.workflows,runs.workflows",
        },
    )
    server.password = PASSWORD
    return server


def first_run_ms() -> float:
    """From the start of Python to the end of the first run: the engine alone, keeping nothing."""
    began = now()
    with subprocess.Popen([sys.executable, "-c", FIRST_RUN], stdout=subprocess.PIPE, cwd=ROOT) as python:
        assert python.stdout is not None
        assert python.stdout.readline().strip() == b"success"
        return (now() - began) * 1000


def measure(workloads: Collection[str], folder: Path) -> dict[str, dict[str, float]]:
    """The figures of these workloads, by workload; one console serves all of them."""
    figures: dict[str, dict[str, float]] = {}
    if "W7" in workloads:
        figures["W7"] = {"first_run_ms": first_run_ms()}
    server = console(folder)
    began = now()
    server.start()
    try:
        if "W7" in workloads:
            figures["W7"]["boot_ms"] = (now() - began) * 1000
        assert server.process is not None
        pid = server.process.pid
        if "W6" in workloads:
            time.sleep(SETTLE_SECONDS)
            figures["W6"] = {"idle_mb": resident_mb(pid)}
        if {"W6", "W9"} & set(workloads):
            w9 = asyncio.run(_calls(server.port))
            if "W9" in workloads:
                figures["W9"] = w9
        if "W6" in workloads:
            time.sleep(SETTLE_SECONDS)
            figures["W6"]["after_mb"] = resident_mb(pid)
        if "W4" in workloads:
            figures["W4"] = asyncio.run(_followed(server))
            rate = page_rate(server)
            if rate is not None:
                figures["W4"]["page_chunks_s"] = rate
    finally:
        server.stop()
    return figures


async def _calls(port: int) -> dict[str, float]:
    """A thousand runs of three steps: two hundred one after another, the rest by sixteen clients at once."""
    path = "/api/workflows/chain-3/start-async"

    async def call(caller: Caller) -> None:
        answer = await caller.post(path, {"inputData": {"value": 0}})
        assert answer["status"] == "success", answer  # type: ignore[index, call-overload]

    async with Caller(port, TOKEN) as caller:
        times = [await timed(lambda: call(caller)) for _ in range(200)]
    callers = [await Caller(port, TOKEN).__aenter__() for _ in range(16)]
    free = list(callers)

    async def one() -> None:
        caller = free.pop()
        await call(caller)
        free.append(caller)

    ms = await timed(lambda: at_once(one, 800, 16))
    for caller in callers:
        await caller.__aexit__(None, None, None)
    return {"p50_ms": quantile(times[20:], 0.5), "p99_ms": quantile(times[20:], 0.99), "runs_s": 800_000 / ms}


async def _followed(server: ConsoleServer) -> dict[str, float]:
    """The stream of one run, from the request that starts it to its last chunk on a socket."""
    with server.client() as person:
        cookie = f"sessionid={person.cookies['sessionid']}"
    rates = []
    async with Caller(server.port, TOKEN) as caller:
        for _ in range(2):  # the first one warms up
            made = await caller.post("/api/workflows/stream/create-run", {})
            run_id = made["runId"]  # type: ignore[index, call-overload]
            headers = {"Cookie": cookie, "Origin": server.url}
            url = f"ws://127.0.0.1:{server.port}/ws/runs/{run_id}/"
            async with connect(url, additional_headers=headers, max_size=None, compression=None) as socket:
                await socket.send('{"resume":0}')
                began = now()
                await caller.post(f"/api/workflows/stream/start?runId={run_id}", {})
                last = 0
                while True:
                    frame = orjson.loads(await socket.recv())
                    if "end" in frame:
                        break
                    if "events" in frame:
                        assert frame["first"] == last + 1, "a gap"
                        last = frame["last"]
                        with suppress(ConnectionClosed):  # the run has ended meanwhile, and nobody waits for this ack
                            await socket.send(orjson.dumps({"ack": last}).decode())
                assert last == frame["end"] > CHUNKS
                rates.append(CHUNKS / (now() - began))
    return {"socket_chunks_s": rates[-1]}


def first_start(folder: Path) -> None:
    """Bring a folder to where every start but the first one finds it."""
    os.makedirs(folder, exist_ok=True)
    console(folder).start().stop()
