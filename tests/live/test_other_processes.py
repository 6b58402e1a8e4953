"""A page hears of runs that another server works on: by a nudge over Redis, and without one."""

import json
import shutil
import socket as sockets
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from websockets.sync.client import connect

from runs.live import announcements, nudge
from tests.console_server import ConsoleServer


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of this test alone."""
    if shutil.which("redis-server") is None:
        pytest.fail("No Redis is installed. `apt-get install redis-server`.")
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with closing(redis.Redis(port=port)) as client:
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert server.poll() is None
                time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture
def over_redis(redis_url, settings):
    """The layer that REDIS_URL gives."""
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [redis_url]}}
    }
    channel_layers.backends.clear()
    yield redis_url
    channel_layers.backends.clear()


async def test_a_nudge_of_another_process_wakes_the_page(socket, live_run, in_django, over_redis, monkeypatch):
    monkeypatch.setattr(announcements, "POLL_SECONDS", 60)  # so that it is not the watch that finds the news
    await in_django(live_run.chunks)(1)
    client = await socket()
    await client.hear_events(1)  # from now on it only waits
    await in_django(live_run.chunks)(2, tell=False)
    assert await client.receive_nothing(0.3)
    other = RedisPubSubChannelLayer(hosts=[over_redis])
    await other.group_send(nudge.GROUP, {"type": "run.news", "runs": [live_run.id]})
    assert (await client.hear())["last"] == 3


async def test_a_dead_redis_delays_news_and_loses_none(socket, live_run, in_django, settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["redis://127.0.0.1:1/0"]},
        }
    }
    channel_layers.backends.clear()
    try:
        client = await socket()
        await in_django(live_run.chunks)(3, tell=False)
        assert (await client.hear())["last"] == 3
    finally:
        channel_layers.backends.clear()


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_page_of_the_second_server_follows_a_run_of_the_first(new_console, request, with_redis):
    environment = {"REDIS_URL": request.getfixturevalue("redis_url")} if with_redis else {}
    first = new_console(environment)
    second = ConsoleServer(first.data_dir, environment).start()
    try:
        with closing(second.client(password=first.password)) as client, closing(first.client()) as starter:
            run_id = starter.post("/api/workflows/text-stream/create-run").json()["runId"]
            headers = {"Cookie": f"sessionid={client.cookies['sessionid']}", "Origin": second.url}
            numbers, frames = [], 0
            with connect(f"ws://127.0.0.1:{second.port}/ws/runs/{run_id}/", additional_headers=headers) as page:
                page.send('{"resume":0}')
                # Only now: on a busy machine the run would be over before anybody looked.
                body = {"inputData": {"tokens": 60, "tokens_per_second": 30}}
                starter.post("/api/workflows/text-stream/start", params={"runId": run_id}, json=body).raise_for_status()
                while "end" not in (frame := json.loads(page.recv(timeout=30))):
                    if "events" in frame:
                        frames += 1
                        numbers += [event["seq"] for event in frame["events"]]
                        page.send(json.dumps({"ack": frame["last"]}))
            assert numbers == list(range(1, frame["end"] + 1))
            assert numbers[-1] > 60
            if with_redis:  # the watch alone looks twice a second, so it would need no more frames than that
                assert frames > 8
    finally:
        second.stop()
