"""Ten megabytes in: through the form, a step, the page and the download, where the limit is raised for it."""

import json
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs.models import Payload, RunEvent, WorkflowRun
from tests.web.test_run_start import page_of

MEGABYTES = 10
ADDRESS = "/workflows/echoing/start/"


@pytest.fixture
def client(executor, settings, client_for, operator):
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * MEGABYTES * 1_000_000
    return client_for(operator)


def test_ten_megabytes_go_in_come_out_and_are_stored_once(client, until, capsys):
    value = {"lines": ["é" * 450 + f" {n}" for n in range(MEGABYTES * 1_100)], "name": "big"}
    text = json.dumps(value, ensure_ascii=False)
    assert len(text.encode()) > MEGABYTES * 1_000_000 * 0.95
    page = page_of(client.get(ADDRESS))
    began = time.monotonic()
    answer = client.post(ADDRESS, page.with_({"input_mode": "json", "input_text": text}))
    assert answer.status_code == 303
    run = until(WorkflowRun.objects.get(), "success", seconds=20)
    took = time.monotonic() - began
    stored = sum(map(len, Payload.objects.values_list("data", flat=True)))
    stored += sum(map(len, RunEvent.objects.values_list("data", flat=True)))
    assert stored < 1.02 * len(text.encode())  # input, step's input, its output and the result are one value
    shown = client.get(f"/runs/{run.pk}/?tab=input").content.decode()
    assert "too large to show here" in shown
    assert "lines" in shown
    assert "name" in shown
    assert len(shown) < 100_000
    began = time.monotonic()
    download = client.get(f"/runs/{run.pk}/value/?of=result&download=1")
    assert download.json() == value
    with capsys.disabled():
        print(f" [10 MB: form to result in {took:.1f} s, download in {time.monotonic() - began:.1f} s]")


def test_beyond_the_limit_the_input_is_refused_with_413_and_nothing_is_stored(client, settings):
    page = page_of(client.get(ADDRESS))
    settings.MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    answer = client.post(ADDRESS, page.with_({"input_mode": "json", "input_text": "x" * 1_100_000}))
    assert (answer.status_code, WorkflowRun.objects.count()) == (413, 0)
    assert "Go back in the browser to find the form as it was" in answer.content.decode()


def test_lists_read_no_value(client, until):
    answer = client.post(ADDRESS, page_of(client.get(ADDRESS)).with_({"input_text": '"' + "x" * 100_000 + '"'}))
    until(WorkflowRun.objects.get(pk=answer.url.split("/")[2]), "success")
    for page in ("/", "/runs/", "/workflows/", "/workflows/echoing/", "/inbox/", "/system/"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page).status_code == 200
        for query in queries:
            assert Payload._meta.db_table not in query["sql"], page
            assert f'"{RunEvent._meta.db_table}"' not in query["sql"], page
