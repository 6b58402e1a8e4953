"""Sends what the outbox holds: deliveries to webhooks, and e-mails about runs that have ended.

The rows are the truth. A row is claimed for as long as a try may last, so a process that dies in the middle of one
leaves it to the next; a receiver may get a delivery twice, and knows it by its id. Only the server whose executor leads
sends.

Receivers do not delay each other: each webhook has its own share of tries under way, a webhook whose last try was slow
or failed has one, and tries wait in an event loop, not in threads. All database work is done in one thread.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone

from runs.engine.data.clock import now_ms
from runs.executor import dispatch
from runs.models import DeliveryState, RunWatch, WebhookDelivery

from .message import body_of, mail_of

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
TRIES_AT_ONCE = 256  # of all webhooks; each is a socket
TRIES_PER_WEBHOOK = 8
SLOW_SECONDS = 1.0  # a webhook whose last try took longer, or failed, gets one try at a time
MAILS_AT_ONCE = 4
LOOKUP_THREADS = 64  # names that do not resolve hold a thread each for as long as a try may last
CLAIM_SECONDS = 20.0  # longer than any try
RETRY_SECONDS = (2, 10, 60, 300, 1_800, 7_200, 21_600, 43_200)  # after the first try, the second …; then it is given up


@dataclass(slots=True)
class Attempt:
    """One try of a delivery, and its outcome."""

    delivery: WebhookDelivery
    sent_at: int = 0  # epoch milliseconds
    took_seconds: float = 0.0
    status: int | None = None
    response: str = ""
    error: str = ""  # "" after a success

    @property
    def is_slow(self) -> bool:
        return bool(self.error) or self.took_seconds > SLOW_SECONDS


class Sender:
    """An event loop in a thread of its own. `start()` once."""

    def __init__(self, may_send: Callable[[], bool] = dispatch.executes_here) -> None:
        self._may_send = may_send
        self._stopping = threading.Event()
        # The rest belongs to the event loop.
        self._under_way: Counter[int] = Counter()  # tries by webhook
        self._slow: set[int] = set()  # webhooks whose last try was slow
        self._settled: list[Attempt] = []  # not stored yet
        self._mails: set[int] = set()  # watches whose e-mail is being sent
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        threading.Thread(target=lambda: asyncio.run(self._run()), name="notices", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(LOOKUP_THREADS, "notices-lookup"))
        self._news = asyncio.Event()
        self._database = ThreadPoolExecutor(1, "notices-database")
        self._mailers = ThreadPoolExecutor(MAILS_AT_ONCE, "notices-mail")
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            if self._settled or self._may_send():
                await self._turn()

    async def _turn(self) -> None:
        """Store the outcomes that have come, and begin the tries that are due."""
        settled, self._settled = self._settled, []
        loop = asyncio.get_running_loop()
        try:
            attempts, watches = await loop.run_in_executor(self._database, self._work, settled)
        except Exception as error:
            # The outcomes are stored when the database is back; a claim that ends before is tried again.
            logger.debug("The outbox cannot be read or written now: %s", error)
            self._settled[:0] = settled
            return
        for attempt in attempts:
            self._under_way[attempt.delivery.webhook_id] += 1
            self._begin(self._try(attempt))
        for watch in watches:
            self._mails.add(watch.pk)
            self._begin(self._mail(watch))

    def _begin(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- In the database's thread; the event loop waits meanwhile ---

    def _work(self, settled: Sequence[Attempt]) -> tuple[list[Attempt], list[RunWatch]]:
        try:
            if settled:
                with transaction.atomic():
                    for attempt in settled:
                        store_outcome(attempt)
            if not self._may_send():
                return [], []
            return self._claim_deliveries(), self._claim_watches()
        except Exception:
            connections.close_all()
            raise

    def _claim_deliveries(self) -> list[Attempt]:
        room = TRIES_AT_ONCE - self._under_way.total()
        shares = {webhook_id: self._share(webhook_id) - count for webhook_id, count in self._under_way.items()}
        full = [webhook_id for webhook_id, share in shares.items() if share <= 0]
        due = WebhookDelivery.objects.due(now_ms(), per_webhook=TRIES_PER_WEBHOOK, without=full) if room > 0 else []
        chosen: list[WebhookDelivery] = []
        for delivery in due:
            share = shares.setdefault(delivery.webhook_id, self._share(delivery.webhook_id))
            if share > 0 and len(chosen) < room:
                shares[delivery.webhook_id] = share - 1
                chosen.append(delivery)
        if not chosen:
            return []
        until = now_ms() + int(CLAIM_SECONDS * 1000)
        with transaction.atomic():
            claimed = [delivery for delivery in chosen if WebhookDelivery.objects.take(delivery, until)]
        for delivery in claimed:
            delivery.body = delivery.body or body_of(delivery)
            delivery.attempts += 1
        return [Attempt(delivery) for delivery in claimed]

    def _share(self, webhook_id: int) -> int:
        return 1 if webhook_id in self._slow else TRIES_PER_WEBHOOK

    def _claim_watches(self) -> list[RunWatch]:
        if not getattr(settings, "EMAIL_IS_SET_UP", False) or len(self._mails) >= MAILS_AT_ONCE:
            return []
        due = [watch for watch in RunWatch.objects.due(now_ms())[: 2 * MAILS_AT_ONCE] if watch.pk not in self._mails]
        until = now_ms() + int(CLAIM_SECONDS * 1000)
        return [
            watch
            for watch in due[: MAILS_AT_ONCE - len(self._mails)]
            if RunWatch.objects.filter(pk=watch.pk, next_at=watch.next_at, told_at=None).update(next_at=until)
        ]

    # --- Tries ---

    async def _try(self, attempt: Attempt) -> None:
        from .post import post  # with the HTTP client, which most consoles never need

        webhook_id = attempt.delivery.webhook_id
        attempt.sent_at = now_ms()
        began = time.monotonic()
        try:
            attempt.status, attempt.response, attempt.error = await post(attempt.delivery)
        except Exception as error:
            logger.exception("A notice could not be sent; it is tried again.")
            attempt.error = f"{type(error).__name__}."
        attempt.took_seconds = time.monotonic() - began
        self._under_way[webhook_id] -= 1
        if not self._under_way[webhook_id]:
            del self._under_way[webhook_id]
        (self._slow.add if attempt.is_slow else self._slow.discard)(webhook_id)
        self._settled.append(attempt)
        self._news.set()

    async def _mail(self, watch: RunWatch) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._mailers, send_mail_about, watch)
        except Exception:
            logger.exception("An e-mail could not be sent; it is tried again.")
        self._mails.discard(watch.pk)
        self._news.set()


def store_outcome(attempt: Attempt) -> None:
    """Write the outcome of a try, and when the next one is due after a failure."""
    delivery, state, next_at = attempt.delivery, DeliveryState.SENT, attempt.delivery.next_at
    if attempt.error and delivery.attempts > len(RETRY_SECONDS):
        state = DeliveryState.GIVEN_UP
        logger.warning("The webhook %s gets no notice of run %s: %s", delivery.webhook, delivery.run_id, attempt.error)
    elif attempt.error:
        state, next_at = DeliveryState.WAITING, now_ms() + RETRY_SECONDS[delivery.attempts - 1] * 1000
    WebhookDelivery.objects.filter(pk=delivery.pk).update(  # not save(): it may have been deleted meanwhile
        body=delivery.body,
        attempts=delivery.attempts,
        sent_at=attempt.sent_at,
        state=state,
        next_at=next_at,
        response_status=attempt.status,
        response=attempt.response,
        error=attempt.error,
    )


def send_mail_about(watch: RunWatch) -> None:
    """Send the e-mail that a person asked for, and write its outcome."""
    from django.core.mail import send_mail

    watch.attempts += 1
    try:
        subject, text = mail_of(watch.run)
        send_mail(subject, text, None, [watch.user.email])
    except Exception as error:
        watch.error = str(error)[:500] or type(error).__name__
        watch.given_up = watch.attempts > len(RETRY_SECONDS)
        if not watch.given_up:
            watch.next_at = now_ms() + RETRY_SECONDS[watch.attempts - 1] * 1000
        logger.warning("The e-mail about run %s was not sent: %s", watch.run_id, watch.error)
    else:
        watch.told_at, watch.error = timezone.now(), ""
    try:
        watch.save(update_fields=["told_at", "error", "given_up", "next_at", "attempts"])
    finally:
        connections.close_all()


sender = Sender()  # of this process
