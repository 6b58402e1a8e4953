"""One delivery by HTTP, and what came of it."""

import asyncio
import time
from contextlib import suppress

import httpx

from runs.models import WebhookDelivery
from runs.steps.addresses import HostRefused, HostUnknown
from runs.steps.exchange import sent

from .signing import signature

TRY_SECONDS = 10.0
ANSWER_BYTES = 2_048  # of an answer, to be shown
MOST_ANSWER_BYTES = 65_536  # after which nobody listens any more


def post(delivery: WebhookDelivery) -> tuple[int | None, str, str]:
    """The answer's status and beginning, and why it is no success; "" when it is one."""
    return asyncio.run(_try(delivery))


async def _try(delivery: WebhookDelivery) -> tuple[int | None, str, str]:
    try:
        url = httpx.URL(delivery.webhook.url)
        async with (
            asyncio.timeout(TRY_SECONDS),
            sent("POST", url, _headers(delivery), delivery.body.encode()) as answer,
        ):
            beginning = await _beginning(answer)
    except TimeoutError:
        return None, "", f"No answer within {TRY_SECONDS:g} s."
    except (HostRefused, HostUnknown, httpx.InvalidURL) as error:
        return None, "", str(error)
    except (httpx.HTTPError, httpx.StreamError, OSError) as error:
        said = str(error).rstrip(".")
        return None, "", f"{type(error).__name__}: {said}." if said else f"{type(error).__name__}."
    status = answer.status_code
    if 200 <= status < 300:
        return status, beginning, ""
    if 300 <= status < 400:
        return status, beginning, f"Answered {status}: redirects are not followed. Enter the final address."
    return status, beginning, f"Answered {status} {answer.reason_phrase}.".replace(" .", ".")


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


async def _beginning(answer: httpx.Response) -> str:
    """The first bytes of an answer, as a text; a long one is not listened to."""
    body = bytearray()
    with suppress(httpx.HTTPError):  # the status is there, which is what counts
        async for part in answer.aiter_bytes(4_096):
            body += part
            if len(body) > MOST_ANSWER_BYTES:
                break
    text = bytes(body[:ANSWER_BYTES]).decode("utf-8", "replace").replace("\x00", "")
    return text + ("…" if len(body) > ANSWER_BYTES else "")
