"""http_request: asks an HTTP server, within the limits that the settings draw."""

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urljoin

from pydantic import BaseModel, ConfigDict, Field

from runs.engine import NonRetryableError, StepContext, step
from runs.engine.data.json_value import InvalidJson, encode, parse_json
from runs.engine.data.text import clipped

from .addresses import LIMITS, HostRefused, HostUnknown
from .exchange import sent

if TYPE_CHECKING:
    import httpx  # the functions below import it themselves: it takes 20 MB, and most runs send no request

MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
MAY_PASS = (408, 425, 429)  # refusals that another try, later, may not meet; all other 4xx would be the same again
NOT_OURS_TO_SET = {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
STAYS_WITH_ITS_HOST = ("authorization", "cookie", "proxy-authorization")


class Asked(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"url": "https://api.example.org/orders", "query": {"page": 1}}]},
    )

    url: str = Field(min_length=1, max_length=8000, title="Address", description="http:// or https://")
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", title="Method")
    headers: dict[str, str] = Field(default_factory=dict, title="Headers")
    query: dict[str, str | int | float | bool] = Field(
        default_factory=dict, title="Query", description="Added to the address"
    )
    body: Any = Field(None, title="Body", description="A text is sent as it is, other JSON as JSON; null: none")
    timeout: float = Field(30, gt=0, le=300, title="Timeout", description="Seconds for the whole exchange")
    accept: Literal["success", "any"] = Field(
        "success", title="Accept", description="success: a status of 400 and above fails the step; any: it does not"
    )


class Answered(BaseModel):
    status: int
    ok: bool = Field(description="Whether the status is below 400")
    headers: dict[str, str]
    body: Any = Field(description="JSON where the server says it is JSON, else text")
    url: str = Field(description="Where the answer came from, after redirects")
    milliseconds: float


@step(input=Asked, output=Answered)
async def http_request(ctx: StepContext[Asked]) -> Answered:
    """Ask an HTTP server, and give its answer. Redirects are followed, at most five.

    Which hosts may be asked, and how large an answer may be, the console's settings tell; private addresses are refused
    unless the settings allow them. Requests that change something carry an Idempotency-Key, the same for each attempt.
    """
    import httpx

    asked = ctx.input
    began = time.monotonic()
    try:
        async with asyncio.timeout(asked.timeout):
            answer = await _exchange(asked, ctx.idempotency_key)
    except TimeoutError:
        raise TimeoutError(f"No answer from {_host(asked.url)} within {asked.timeout:g} s") from None
    except HostRefused as error:
        raise NonRetryableError(str(error)) from None
    except HostUnknown as error:
        raise ConnectionError(str(error)) from None
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise ConnectionError(f"{_host(asked.url)}: {error or type(error).__name__}") from None
    answer.milliseconds = round((time.monotonic() - began) * 1000, 1)
    response = {"method": asked.method, "host": _host(answer.url), "status": answer.status}
    await ctx.writer.write({"type": "http", **response, "milliseconds": answer.milliseconds})
    if asked.accept == "success" and not answer.ok:
        message = f"{_host(answer.url)} answered {answer.status}: {_beginning(answer.body)}"
        mends_itself = answer.status >= 500 or answer.status in MAY_PASS
        raise ConnectionError(message) if mends_itself else NonRetryableError(message)
    return answer


async def _exchange(asked: Asked, key: str) -> Answered:
    import httpx

    method, content = asked.method, None
    headers = httpx.Headers({"User-Agent": "wfconsole", "Accept": "application/json, */*"})
    if asked.body is not None:
        is_text = isinstance(asked.body, str)
        headers["Content-Type"] = "text/plain; charset=utf-8" if is_text else "application/json"
        content = asked.body.encode() if is_text else encode(asked.body)
    if method not in ("GET", "HEAD"):
        headers["Idempotency-Key"] = key
    headers.update(_own_headers(asked))
    url = _address(asked.url)
    if asked.query:
        url = url.copy_merge_params({name: _query_text(value) for name, value in asked.query.items()})
    for _ in range(MOST_REDIRECTS + 1):
        async with sent(method, url, headers, content) as answer:
            following = answer.headers.get("Location") if answer.status_code in REDIRECTS else None
            if following is None:
                return await _read(answer, url)
            status = answer.status_code
        before, url = url, _address(urljoin(str(url), following))
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, content = ("HEAD" if method == "HEAD" else "GET"), None
            headers.pop("Content-Type", None)
        if (before.scheme, before.host, before.port) != (url.scheme, url.host, url.port):
            for name in STAYS_WITH_ITS_HOST:
                headers.pop(name, None)
    raise NonRetryableError(f"{_host(asked.url)} redirects more than {MOST_REDIRECTS} times.")


def _own_headers(asked: Asked) -> dict[str, str]:
    for name, value in asked.headers.items():
        if name.strip().lower() in NOT_OURS_TO_SET:
            raise NonRetryableError(f"The header {name} is set by the console itself; leave it out.")
        if not name.isascii() or not name.isprintable() or not value.isprintable():
            raise NonRetryableError(f"The header {name!r} holds a character that a header cannot carry.")
    return {name.strip(): value.strip() for name, value in asked.headers.items()}


def _query_text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _address(text: str) -> "httpx.URL":
    import httpx

    try:
        url = httpx.URL(text.strip())
        valid = url.scheme in ("http", "https") and url.host and "%" not in url.host and not url.userinfo
    except httpx.InvalidURL:
        valid = False
    if not valid:
        words = "Begin it with http:// or https://, and put a name and password into the header Authorization."
        raise NonRetryableError(f"{text[:200]!r} is not an address. {words}")
    return url


async def _read(answer: "httpx.Response", url: "httpx.URL") -> Answered:
    most = LIMITS.max_bytes
    body = bytearray()
    async for part in answer.aiter_bytes(65536):
        body += part
        if len(body) > most:
            break
    if len(body) > most:
        limit = "WFCONSOLE_HTTP_MAX_BYTES"
        raise NonRetryableError(f"The answer of {url.host} is larger than {most} bytes ({limit}).")
    return Answered(
        status=answer.status_code,
        ok=answer.status_code < 400,
        headers=dict(answer.headers),
        body=_value(bytes(body), answer),
        url=str(url),
        milliseconds=0,
    )


def _value(body: bytes, answer: "httpx.Response") -> object:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if body and (kind == "application/json" or kind.endswith("+json")):
        try:
            return parse_json(body)
        except InvalidJson:
            pass  # such as an integer of 80 bits: as text it is whole
    return body.decode(answer.encoding or "utf-8", "replace")


def _host(url: str) -> str:
    import httpx

    return httpx.URL(url.strip()).host or url[:100]


def _beginning(body: object) -> str:
    text = body if isinstance(body, str) else encode(body).decode()
    return clipped(" ".join(text.split()), 200)
