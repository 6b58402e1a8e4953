"""Webhooks, and what was sent to them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from runs.models import Webhook, WebhookDelivery
from runs.models.webhook import EVENTS

from .site import CappedPaginator, ReadOnlyAdmin


class WebhookForm(forms.ModelForm):
    events = forms.MultipleChoiceField(
        choices=[(event.value, event.value) for event in EVENTS],
        widget=forms.CheckboxSelectMultiple,
        help_text="It is told when a run is one of these.",
    )

    class Meta:
        model = Webhook
        fields = ["name", "url", "workflow", "events", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["events"] = self.instance.event_list

    def clean_events(self) -> str:
        return ",".join(self.cleaned_data["events"])


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):
    form = WebhookForm
    list_display = ["name", "url", "workflow_name", "events", "enabled"]
    list_filter = ["enabled"]
    search_fields = ["name", "url"]

    @admin.display(description="workflow", ordering="workflow")
    def workflow_name(self, webhook: Webhook) -> str:
        return webhook.workflow_id or "all"

    def save_model(self, request: HttpRequest, obj: Webhook, form: forms.ModelForm, change: bool) -> None:
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
        if not change:
            messages.info(request, f"Copy the secret now, it is not shown again: {obj.secret}")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ["message_id", "webhook", "kind", "run_id", "state", "attempts", "response_status", "error"]
    list_select_related = ["webhook"]
    list_filter = ["state", "event"]
    search_fields = ["run_id__startswith"]
    paginator = CappedPaginator
    show_full_result_count = False
