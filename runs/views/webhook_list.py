"""Webhooks: the addresses notified when runs end; a form for a new one, whose secret is shown once."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from runs.models import Actor, AuditEntry, Webhook, WebhookDelivery, WorkflowDefinition
from runs.models.webhook import EVENTS, check_address

from .request import Request

SEE, ADD, CHANGE, DELETE = (f"runs.{right}_webhook" for right in ("view", "add", "change", "delete"))
USUAL = ["failed", "tripwire", "suspended"]
UNPROCESSABLE = 422


class WebhookForm(forms.Form):
    """The events that a webhook is notified of, and its address."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give it a name that others will know it by."})
    url = forms.CharField(
        max_length=2000, validators=[check_address], error_messages={"required": "Enter the address that is told."}
    )
    workflow = forms.CharField(required=False, max_length=200)
    events = forms.MultipleChoiceField(
        choices=[(event.value, event.value.capitalize()) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one status."},
        initial=USUAL,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "url", "workflow"):
            self.fields[name].widget.attrs.update({"class": "form-control", "autocomplete": "off"})
        self.fields["url"].widget.attrs["inputmode"] = "url"
        self.fields["workflow"].widget.attrs["class"] += " wf-mono"

    def clean_workflow(self) -> WorkflowDefinition | None:
        workflow_id = self.cleaned_data["workflow"].strip()
        found = WorkflowDefinition.objects.filter(pk=workflow_id).first() if workflow_id else None
        if workflow_id and found is None:
            raise forms.ValidationError(f"There is no workflow {workflow_id}. Leave it empty for all.")
        return found


@never_cache  # the answer to a good form holds a secret
@require_http_methods(["GET", "HEAD", "POST"])
def webhook_list(request: Request) -> HttpResponse:
    if not request.user.has_perm(SEE):
        raise PermissionDenied("Your account may not see webhooks.")
    made = None
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not request.user.has_perm(ADD):
            raise PermissionDenied("Your account may see webhooks, but not make them.")
        if form.is_valid():
            made, form = _made(request, form), WebhookForm()
    newest = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).order_by("-pk")
    webhooks = Webhook.objects.select_related("workflow").annotate(
        last_state=Subquery(newest.values("state")[:1]), last_at=Subquery(newest.values("created_at")[:1])
    )
    context = {"webhooks": webhooks, "form": form, "made": made, "can_add": request.user.has_perm(ADD)}
    return render(request, "runs/webhook_list/page.html", context, status=UNPROCESSABLE if form.errors else 200)


def _made(request: Request, form: WebhookForm) -> Webhook:
    given = form.cleaned_data
    with transaction.atomic():
        webhook = Webhook.objects.create(
            name=given["name"],
            url=given["url"],
            workflow=given["workflow"],
            events=",".join(given["events"]),
            created_by=request.user,
        )
        told = {"name": webhook.name, "url": webhook.url, "events": webhook.events}
        AuditEntry.objects.record(Actor.of(request), "create", "webhook", str(webhook.pk), after=told)
    return webhook
