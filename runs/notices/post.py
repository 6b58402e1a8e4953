"""One delivery by HTTP, and what came of it."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress

import httpx

from runs.models import WebhookDelivery
from runs.steps.addresses import HostRefused, HostUnknown
from runs.steps.exchange import sent

from .signing import signature

TRY_SECONDS = 10.0
BODY_SECONDS = 2.0  # for the body of a response, which is only shown
RESPONSE_BYTES = 2_048  # of a response, to be shown
MOST_RESPONSE_BYTES = 65_536  # read of a response


async def post(delivery: WebhookDelivery) -> tuple[int | None, str, str]:
    """Return the response's status, the beginning of its body, and why it is no success ("" when it is one).

    The status decides: a body that is slow, cut or endless changes nothing.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + TRY_SECONDS
    try:
        url = httpx.URL(delivery.webhook.url)
        async with asyncio.timeout_at(until + 1), AsyncExitStack() as stack:
            async with asyncio.timeout_at(until):
                response = await stack.enter_async_context(
                    sent("POST", url, _headers(delivery), delivery.body.encode())
                )
            beginning = await _beginning(response, until)
    except TimeoutError:
        return None, "", f"No answer within {TRY_SECONDS:g} s."
    except (HostRefused, HostUnknown, httpx.InvalidURL) as error:
        return None, "", str(error)
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        said = str(error).rstrip(".")
        return None, "", f"{type(error).__name__}: {said}." if said else f"{type(error).__name__}."
    status = response.status_code
    if 200 <= status < 300:
        return status, beginning, ""
    if 300 <= status < 400:
        return status, beginning, f"Answered {status}: redirects are not followed. Enter the final address."
    return status, beginning, f"Answered {status} {response.reason_phrase}.".replace(" .", ".")


def _headers(delivery: WebhookDelivery) -> httpx.Headers:
    timestamp = int(time.time())
    return httpx.Headers(
        {
            "Content-Type": "application/json",
            "User-Agent": "wfconsole",
            "Webhook-Id": delivery.message_id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signature(
                delivery.webhook.secret, delivery.message_id, timestamp, delivery.body.encode()
            ),
        }
    )


async def _beginning(response: httpx.Response, until: float) -> str:
    """The first bytes of a response's body, as a text, as far as they come in time and in size."""
    body = bytearray()
    until = min(until, asyncio.get_running_loop().time() + BODY_SECONDS)
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout_at(until):
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MOST_RESPONSE_BYTES:
                    break
    text = bytes(body[:RESPONSE_BYTES]).decode("utf-8", "replace").replace("\x00", "")
    return text + ("…" if len(body) > RESPONSE_BYTES else "")
