"""How requests come into threads, and out of them."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from wfconsole.server.request_threads import IDLE_THREADS, RequestHandler

SECONDS = 10
produced: list[int] = []
views: dict[str, Callable[[], object]] = {}  # what a test has a path answer with


@login_not_required
def whole(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(str(views[name]()))


@login_not_required
def parts(request: HttpRequest) -> StreamingHttpResponse:
    def made() -> Iterator[str]:
        for number in range(5):
            produced.append(number)
            if number == 3:
                raise ValueError("the fourth part")
            yield str(number)

    return StreamingHttpResponse(made())


urlpatterns = [path("parts", parts), path("<name>", whole)]


class Client:
    """Who asks for a path: what was sent to it, and a way to go."""

    def __init__(self, handler: RequestHandler, path: str) -> None:
        self.sent: list[dict] = []
        self.taken = asyncio.Semaphore(0)  # parts of the body that are let through
        self.full = asyncio.Event()  # one more waits to be let through
        self._asked = False
        self._gone = asyncio.Event()
        headers = [(b"host", b"testserver")]
        scope = {"type": "http", "method": "GET", "path": f"/{path}", "query_string": b"", "headers": headers}
        self.task = asyncio.ensure_future(handler(scope, self._receive, self._send))

    def go(self) -> None:
        self._gone.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def _receive(self) -> dict:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b""}

    async def _send(self, message: dict) -> None:
        self.sent.append(message)
        if message.get("more_body"):
            if self.taken.locked():
                self.full.set()
            await self.taken.acquire()


@pytest.fixture
def handler(settings) -> RequestHandler:
    settings.ROOT_URLCONF = __name__
    views.clear()
    produced.clear()
    return RequestHandler()


@pytest.fixture
def ask(handler) -> Callable[[str], Client]:
    return lambda path: Client(handler, path)


@pytest.fixture
def finished() -> Iterator[list[int]]:
    """The threads in which requests have come to their end."""
    found: list[int] = []

    def note(**_: object) -> None:
        found.append(threading.get_ident())

    request_finished.connect(note)
    yield found
    request_finished.disconnect(note)


async def test_a_request_is_answered_in_one_thread_from_its_beginning_to_its_end(ask, finished):
    began: list[int] = []

    def note(**_: object) -> None:
        began.append(threading.get_ident())

    request_started.connect(note)
    views["ident"] = threading.get_ident
    try:
        first, second = ask("ident"), ask("ident")
        await asyncio.gather(first.task, second.task)
    finally:
        request_started.disconnect(note)
    answered = [int(client.body) for client in (first, second)]
    assert sorted(began) == sorted(finished) == sorted(answered)
    assert threading.get_ident() not in answered


async def test_one_request_after_the_other_is_answered_in_the_same_thread(ask):
    views["ident"] = threading.get_ident
    idents = []
    for _ in range(3):
        client = ask("ident")
        await client.task
        idents.append(client.body)
    assert len(set(idents)) == 1


async def test_requests_at_the_same_moment_wait_for_no_thread(ask):
    together = threading.Barrier(IDLE_THREADS + 2)
    views["together"] = lambda: together.wait(SECONDS) >= 0
    clients = [ask("together") for _ in range(IDLE_THREADS + 2)]
    await asyncio.gather(*(client.task for client in clients))
    assert {client.body for client in clients} == {b"True"}


async def test_who_gives_up_waiting_leaves_a_thread_that_is_busy_until_its_work_is_done(ask):
    begun, release = threading.Event(), threading.Event()
    idents: list[int] = []

    def slow() -> None:
        idents.append(threading.get_ident())
        begun.set()
        release.wait(SECONDS)

    views["slow"], views["ident"] = slow, threading.get_ident
    given_up = ask("slow")
    await asyncio.to_thread(begun.wait, SECONDS)
    given_up.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up.task
    meanwhile = ask("ident")
    await meanwhile.task
    release.set()
    assert int(meanwhile.body) not in idents


async def test_a_synchronous_stream_is_made_as_fast_as_it_is_taken(ask, finished):
    client = ask("parts")
    client.taken.release()
    async with asyncio.timeout(SECONDS):
        await client.full.wait()
    assert produced == [0, 1]
    assert finished == []
    client.go()
    await client.task
    assert produced == [0, 1]
    assert len(finished) == 1


async def test_a_stream_that_fails_on_its_way_is_closed_and_told(ask, finished):
    client = ask("parts")
    for _ in range(5):
        client.taken.release()
    with pytest.raises(ValueError, match="the fourth part"):
        await client.task
    assert client.body == b"012"
    assert len(finished) == 1


def test_a_form_that_cannot_be_read_is_answered_by_a_page(console):
    """By Django: Twisted, which read forms before it, said 400 and hung up."""
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{console.url}/sign-in/", content=b"--y\r\nrubbish", headers=head)
    assert answer.status_code == 403
    assert "Content-Security-Policy" in answer.headers
    assert "<h1" in answer.text
