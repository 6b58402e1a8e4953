"""Webhooks: who is told by HTTP how runs stand, and what came of each telling."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from runs.engine.data.clock import now_ms
from runs.engine.log.results import RunStatus
from runs.engine.redaction.redactor import redact_addresses

from .run import WorkflowRun
from .workflow import WorkflowDefinition

# What a webhook can be told of: how a run stands once nobody works on it any more.
EVENTS = (
    RunStatus.SUCCESS,
    RunStatus.FAILED,
    RunStatus.TRIPWIRE,
    RunStatus.CANCELED,
    RunStatus.SUSPENDED,
    RunStatus.PAUSED,
)
SECRET_PREFIX = "whsec_"  # noqa: S105  as the Standard Webhooks write it
TEST = "test"


def new_salt() -> str:
    return secrets.token_urlsafe(24)


def check_address(url: str) -> None:
    """Raises ValidationError for what no request can be sent to. Where it leads is checked at each sending."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isprintable() or " " in url:
        raise ValidationError("Enter an address that begins with https:// or http://.")
    if parts.username is not None:
        raise ValidationError("Leave name and password out of the address: each delivery is signed instead.")


class Webhook(models.Model):
    """An address that is told."""

    name = models.CharField(max_length=100)
    url = models.CharField("address", max_length=2000, validators=[check_address])
    workflow = models.ForeignKey(
        WorkflowDefinition, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: all workflows."
    )
    events = models.CharField(max_length=100)  # statuses, separated by commas
    enabled = models.BooleanField(default=True)
    # The secret is made of this and of the console's secret key: a copy of the database alone does not give it away.
    salt = models.CharField(max_length=64, default=new_salt, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_url(self) -> str:
        """The address without the secrets of its query: many may see webhooks."""
        return redact_addresses(self.url)

    @property
    def secret(self) -> str:
        """What deliveries are signed with. To be shown once."""
        key = hmac.digest(settings.SECRET_KEY.encode(), b"wfconsole.webhook:" + self.salt.encode(), hashlib.sha256)
        return SECRET_PREFIX + base64.b64encode(key).decode()

    @property
    def event_list(self) -> list[str]:
        return [event for event in self.events.split(",") if event]


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "waiting"
    SENT = "sent", "sent"
    GIVEN_UP = "given_up", "given up"


class DeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def due(self, now: int, *, per_webhook: int, without: Sequence[int] = ()) -> list["WebhookDelivery"]:
        """Deliveries to be sent by now (epoch milliseconds): of each enabled webhook, but those in `without`, the
        longest overdue ones. One query, and one for each webhook that has any: what waits longer costs nothing."""
        due = self.filter(state=DeliveryState.WAITING, next_at__lte=now)
        webhooks = Webhook.objects.filter(models.Exists(due.filter(webhook=models.OuterRef("pk"))), enabled=True)
        return [
            delivery
            for webhook in webhooks.exclude(pk__in=without)
            for delivery in due.filter(webhook=webhook).select_related("webhook").order_by("next_at")[:per_webhook]
        ]

    def take(self, delivery: "WebhookDelivery", until: int) -> bool:
        """Have it for oneself until then, when another may try. False: somebody else was first."""
        mine = self.filter(pk=delivery.pk, state=DeliveryState.WAITING, next_at=delivery.next_at)
        return mine.update(next_at=until) > 0


class WebhookDelivery(models.Model):
    """One thing to tell one webhook. Written in the transaction that changes the run, so that none is forgotten."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    # No foreign key in the database, as in the log of events; null: a test.
    run = models.ForeignKey(
        WorkflowRun, on_delete=models.CASCADE, null=True, related_name="+", db_constraint=False, db_index=True
    )
    seq = models.PositiveIntegerField()  # of the run's event that it tells of
    event = models.CharField(max_length=20)
    created_at = models.BigIntegerField()  # epoch milliseconds, as the two below
    next_at = models.BigIntegerField()  # when it is tried next
    sent_at = models.BigIntegerField(null=True)  # of the last try
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    body = models.TextField()  # as it was signed; the same at each try
    response_status = models.PositiveSmallIntegerField(null=True)
    response = models.TextField()  # the beginning of the answer
    error = models.TextField()  # one sentence: why there was no answer, or why it is not taken as a success

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "delivery"
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["webhook", "run", "seq"], name="delivery_once")]
        indexes = [
            models.Index(fields=["webhook", "next_at"], name="delivery_due", condition=models.Q(state="waiting")),
            models.Index(fields=["webhook", "-id"], name="delivery_log"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.event}"

    @property
    def message_id(self) -> str:
        """By which a receiver knows a delivery that comes twice."""
        return f"msg_{self.pk}"

    @property
    def kind(self) -> str:
        return "test" if self.event == TEST else f"run.{self.event}"

    def send_again(self) -> None:
        """Begin anew, at once, as if it had never been tried."""
        WebhookDelivery.objects.filter(pk=self.pk).update(state=DeliveryState.WAITING, attempts=0, next_at=now_ms())
