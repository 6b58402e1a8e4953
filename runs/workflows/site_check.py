"""site-check: asks a list of addresses, several at a time, and reports which of them answer as they should.

An address that does not answer is a finding, not a failure of the run: the run is there to report it.
"""

import asyncio
import os
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import NonRetryableError, StepContext, Workflow, step

if TYPE_CHECKING:
    import httpx  # imported by the functions that ask: it takes 20 MB, which a console without such runs saves

AT_ONCE = 8
MOST_BYTES = 256 * 1024  # of an answer's body are read; the rest says nothing about its health


class Sites(BaseModel):
    model_config = ConfigDict(extra="forbid")

    urls: list[str] = Field(
        ["/healthz"],
        min_length=1,
        max_length=500,
        title="Addresses",
        description="http:// or https://; a path such as /healthz is a page of this console",
    )
    timeout: float = Field(5, gt=0, le=60, title="Timeout", description="Seconds that one address may take")
    expected_status: int | None = Field(
        None, ge=100, le=599, title="Expected status", description="null: anything from 200 to 399 is well"
    )
    expected_text: str | None = Field(None, min_length=1, max_length=200, description="Must stand in the answer's body")


class Target(BaseModel):
    url: str
    number: int
    of: int


class Check(BaseModel):
    url: str
    ok: bool
    status: int | None = None
    milliseconds: float
    bytes: int = 0
    problem: str | None = None


class Report(BaseModel):
    checked: int
    ok: int
    slowest_milliseconds: float
    problems: list[Check]
    checks: list[Check]


@step(input=Sites, output=list[Target])
async def list_targets(ctx: StepContext[Sites]) -> list[Target]:
    """Complete paths of this console to addresses, drop what is listed twice, refuse what is no address."""
    own = os.environ.get("WFCONSOLE_URL", "http://127.0.0.1:8000")  # set by the server that this runs in
    urls = list(dict.fromkeys(urljoin(own, url.strip()) for url in ctx.input.urls))
    for url in urls:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise NonRetryableError(f"{url!r} is not an address. Begin it with http:// or https://.")
    return [Target(url=url, number=number, of=len(urls)) for number, url in enumerate(urls, 1)]


@step(input=Target, output=Check)
async def check_site(ctx: StepContext[Target]) -> Check:
    """Ask one address, and measure how long its answer takes."""
    import httpx

    asked = Sites.model_validate(ctx.get_init_data())
    began = time.monotonic()
    try:
        async with asyncio.timeout(asked.timeout), _client().stream("GET", ctx.input.url) as answer:
            body = await _beginning(answer)
        found = Check(url=ctx.input.url, ok=True, status=answer.status_code, milliseconds=0, bytes=len(body))
        found.problem = _problem(asked, answer.status_code, body.decode(answer.encoding or "utf-8", "replace"))
    except TimeoutError:
        found = Check(url=ctx.input.url, ok=False, milliseconds=0, problem=f"No answer within {asked.timeout:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        found = Check(url=ctx.input.url, ok=False, milliseconds=0, problem=str(error) or type(error).__name__)
    found.ok = found.problem is None
    found.milliseconds = round((time.monotonic() - began) * 1000, 1)
    verdict = found.problem or f"{found.status} in {found.milliseconds:g} ms"
    await ctx.writer.write({"type": "check", "url": found.url, "ok": found.ok, "verdict": verdict})
    await ctx.writer.write({"type": "progress", "number": ctx.input.number, "of": ctx.input.of})
    return found


@step(input=list[Check], output=Report)
async def report(ctx: StepContext[list[Check]]) -> Report:
    """Put the findings together, what is wrong first."""
    checks = ctx.input
    return Report(
        checked=len(checks),
        ok=sum(check.ok for check in checks),
        slowest_milliseconds=max(check.milliseconds for check in checks),
        problems=[check for check in checks if not check.ok],
        checks=checks,
    )


def _problem(asked: Sites, status: int, body: str) -> str | None:
    if asked.expected_status is None and not 200 <= status < 400:
        return f"Answered {status}"
    if asked.expected_status is not None and status != asked.expected_status:
        return f"Answered {status}, expected {asked.expected_status}"
    if asked.expected_text is not None and asked.expected_text not in body:
        return f"The answer does not contain {asked.expected_text!r}"
    return None


async def _beginning(answer: "httpx.Response") -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) >= MOST_BYTES:
            break
    return bytes(body[:MOST_BYTES])


# One client for each event loop, made when it is first needed: a client holds connections that belong to its loop,
# and reading the certificates again for each address would cost more than the request.
_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]" = WeakKeyDictionary()


def _client() -> "httpx.AsyncClient":
    import httpx

    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = httpx.AsyncClient(
            follow_redirects=True,
            timeout=60,  # the check's own time limit is shorter
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=0),
            headers={"User-Agent": "wfconsole site-check"},
        )
    return _clients[loop]


site_check = (
    Workflow(
        id="site-check",
        description="Asks a list of addresses and reports which of them answer as they should",
        input=Sites,
        output=Report,
    )
    .then(list_targets)
    .foreach(check_site, concurrency=AT_ONCE)
    .then(report)
    .commit()
)
