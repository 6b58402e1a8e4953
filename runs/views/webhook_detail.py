"""One webhook: its events, its deliveries, and the actions on it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from runs.engine.data.clock import now_ms
from runs.models import Actor, AuditEntry, Webhook, WebhookDelivery
from runs.models.webhook import TEST

from .request import Request
from .webhook_list import CHANGE, DELETE, SEE

DELIVERIES_PER_PAGE = 50


@require_GET
@never_cache
def webhook_detail(request: Request, webhook_id: int) -> HttpResponse:
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see webhooks.")
    webhook = get_object_or_404(Webhook, pk=webhook_id)
    deliveries = webhook.deliveries.order_by("-pk")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        deliveries = deliveries.filter(pk__lt=int(before))
    page = list(deliveries[: DELIVERIES_PER_PAGE + 1])
    context = {
        "webhook": webhook,
        "deliveries": page[:DELIVERIES_PER_PAGE],
        "older": page[DELIVERIES_PER_PAGE - 1].pk if len(page) > DELIVERIES_PER_PAGE else None,
        "can_change": request.user.has_perm(CHANGE),
        "can_delete": request.user.has_perm(DELETE),
    }
    return render(request, "runs/webhook_detail/page.html", context)


@require_POST
def webhook_act(request: Request, webhook_id: int, act: str) -> HttpResponse:
    """`test` sends a delivery about no run; `enable` and `disable`; `delete` forgets it, with its deliveries."""
    if not request.user.has_perm(DELETE if act == "delete" else CHANGE):
        raise PermissionDenied("Your account may not change webhooks.")
    with transaction.atomic():
        webhook = get_object_or_404(Webhook, pk=webhook_id)
        match act:
            case "test":
                now = now_ms()
                WebhookDelivery.objects.create(webhook=webhook, seq=0, event=TEST, created_at=now, next_at=now)
                words = "A test is on its way; its outcome appears below. Reload to see it."
                if not webhook.enabled:
                    words = "The test waits until the webhook is switched on."
                messages.info(request, words)
            case "enable" | "disable":
                webhook.enabled = act == "enable"
                webhook.save(update_fields=["enabled"])
            case "delete":
                webhook.delete()
            case _:
                raise Http404(f"A webhook cannot be told to {act[:50]}.")
        AuditEntry.objects.record(Actor.of(request), act, "webhook", str(webhook_id), before={"name": webhook.name})
    return redirect("webhook_list") if act == "delete" else redirect("webhook_detail", webhook_id)


@require_POST
def delivery_again(request: Request, delivery_id: int) -> HttpResponse:
    """Send a delivery once more, whatever came of it; the receiver knows it by its id."""
    if not request.user.has_perm(CHANGE):
        raise PermissionDenied("Your account may not change webhooks.")
    delivery = get_object_or_404(WebhookDelivery, pk=delivery_id)
    with transaction.atomic():
        delivery.send_again()
        AuditEntry.objects.record(Actor.of(request), "send again", "webhook", str(delivery.webhook_id))
    return redirect("webhook_detail", delivery.webhook_id)
