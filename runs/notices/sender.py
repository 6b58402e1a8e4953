"""Sends what the outbox holds: deliveries to webhooks, and e-mails about runs that have ended.

The rows are the truth. A row is taken for as long as a try may last, so a process that dies in the middle of one leaves
it to the next; a receiver may see a delivery twice, and knows it by its id. Only the server whose executor leads sends.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connections
from django.utils import timezone

from runs.execution import dispatch
from runs.models import DeliveryState, RunWatch, WebhookDelivery

from .message import body_of, mail_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
AT_ONCE = 8  # tries in hand, at most PER_WEBHOOK of them to one address
PER_WEBHOOK = 2
TAKEN_SECONDS = 20.0  # longer than any try
RETRY_SECONDS = (2, 10, 60, 300, 1_800, 7_200, 21_600, 43_200)  # after the first try, the second …; then it is given up


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Sender:
    """One thread that looks for what is due, and one for each try. start() once."""

    def __init__(self, may_send: Callable[[], bool] = dispatch.executes_here) -> None:
        self._may_send = may_send
        self._in_hand: dict[object, int | None] = {}  # what is being sent, with its webhook
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._live, name="notices", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _live(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            if not self._may_send():
                continue
            try:
                self.look()
            except Exception as error:
                logger.debug("What is due cannot be read now: %s", error)
                connections.close_all()

    def look(self) -> None:
        """Begin to send what is due, as far as there is room."""
        for delivery in WebhookDelivery.objects.due(now_ms()).select_related("webhook")[: 4 * AT_ONCE]:
            self._begin(("delivery", delivery.pk), delivery.webhook_id, lambda each=delivery: self._deliver(each))
        if settings.EMAIL_IS_SET_UP:
            for watch in RunWatch.objects.due(now_ms())[:AT_ONCE]:
                self._begin(("watch", watch.pk), None, lambda each=watch: self._mail(each))

    def _begin(self, key: object, webhook_id: int | None, work: Callable[[], None]) -> None:
        with self._lock:
            others = list(self._in_hand.values())
            busy = webhook_id is not None and others.count(webhook_id) >= PER_WEBHOOK
            if key in self._in_hand or len(others) >= AT_ONCE or busy:
                return
            self._in_hand[key] = webhook_id

        def run() -> None:
            try:
                work()
            except Exception:
                logger.exception("A notice could not be sent; it is tried again.")
            finally:
                with self._lock:
                    del self._in_hand[key]
                connections.close_all()

        threading.Thread(target=run, name="notice", daemon=True).start()

    # --- Webhooks ---

    def _deliver(self, delivery: WebhookDelivery) -> None:
        if not WebhookDelivery.objects.take(delivery, now_ms() + int(TAKEN_SECONDS * 1000)):
            return
        from .post import post  # with the HTTP client, which most consoles never need

        delivery.body = delivery.body or body_of(delivery)
        delivery.attempts += 1
        sent_at = now_ms()
        status, response, error = post(delivery)
        state, next_at = DeliveryState.SENT, delivery.next_at
        if error and delivery.attempts > len(RETRY_SECONDS):
            state = DeliveryState.GIVEN_UP
            logger.warning("The webhook %s is not told of run %s: %s", delivery.webhook, delivery.run_id, error)
        elif error:
            state, next_at = DeliveryState.WAITING, now_ms() + RETRY_SECONDS[delivery.attempts - 1] * 1000
        WebhookDelivery.objects.filter(pk=delivery.pk).update(  # not save(): it may have been deleted meanwhile
            body=delivery.body,
            attempts=delivery.attempts,
            sent_at=sent_at,
            state=state,
            next_at=next_at,
            response_status=status,
            response=response,
            error=error,
        )

    # --- E-mails ---

    def _mail(self, watch: RunWatch) -> None:
        taken = RunWatch.objects.filter(pk=watch.pk, next_at=watch.next_at, told_at=None)
        if not taken.update(next_at=now_ms() + int(TAKEN_SECONDS * 1000)):
            return
        from django.core.mail import send_mail

        watch.attempts += 1
        subject, text = mail_of(watch.run)
        try:
            send_mail(subject, text, None, [watch.user.email])
        except Exception as error:
            watch.error = str(error)[:500] or type(error).__name__
            watch.given_up = watch.attempts > len(RETRY_SECONDS)
            if not watch.given_up:
                watch.next_at = now_ms() + RETRY_SECONDS[watch.attempts - 1] * 1000
            logger.warning("The e-mail about run %s was not sent: %s", watch.run_id, watch.error)
        else:
            watch.told_at, watch.error = timezone.now(), ""
        watch.save(update_fields=["told_at", "error", "given_up", "next_at", "attempts"])


sender = Sender()  # of this process
