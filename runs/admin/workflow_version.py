"""Versions of workflows: what each one is, and what changed from one to another."""

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.models import WorkflowVersion

from .site import HEAVY, SCHEMAS, ReadOnlyAdmin, drawn, moment_text, pretty


class VersionInline(admin.TabularInline):
    model = WorkflowVersion
    fields = ("number", "short_hash", "change", "created_by", "created", "open")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = False
    ordering = ["-number"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("created_by").defer(*HEAVY)

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    @admin.display(description="content")
    def short_hash(self, version: WorkflowVersion) -> str:
        return version.content_hash[:8]

    @admin.display(description="since")
    def created(self, version: WorkflowVersion) -> str:
        return moment_text(version.created_at)

    @admin.display(description="graph and schemas")
    def open(self, version: WorkflowVersion) -> SafeString:
        address = reverse("admin:runs_workflowversion_change", args=[version.pk])
        shown = format_html('<a href="{}">Show</a>', address)
        if version.number == 1:
            return shown
        address = reverse("admin:runs_workflowdefinition_compare", args=[quote(version.definition_id)])
        return format_html('{} · <a href="{}?new={}">What changed</a>', shown, address, version.number)


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "definition_id", "change", "created_by", "created"]
    list_filter = ["definition"]
    list_select_related = ["created_by"]
    search_fields = ["definition__id", "content_hash"]
    fields = ["definition", "number", "content_hash", "change", "created_by", "created", "compared", "drawn_graph"]
    fields += ["definition_text", *(f"{name}_json" for name in SCHEMAS), "graph_json"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        found = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "runs_workflowversion_changelist":
            found = found.defer(*HEAVY)
        return found

    @admin.display(description="since", ordering="created_at")
    def created(self, version: WorkflowVersion) -> str:
        return moment_text(version.created_at)

    @admin.display(description="what changed, line by line")
    def compared(self, version: WorkflowVersion) -> SafeString:
        address = reverse("admin:runs_workflowdefinition_compare", args=[quote(version.definition_id)])
        return format_html('<a href="{}?new={}">Compare with another version</a>', address, version.number)

    @admin.display(description="definition")
    def definition_text(self, version: WorkflowVersion) -> SafeString | str:
        return "It is code." if version.definition_json is None else pretty(version.definition_json)

    @admin.display(description="graph")
    def drawn_graph(self, version: WorkflowVersion) -> SafeString | str:
        return drawn(version, version.definition_id)

    @admin.display(description="graph as data")
    def graph_json(self, version: WorkflowVersion) -> SafeString | str:
        return pretty(version.graph)

    @admin.display(description="input schema")
    def input_schema_json(self, version: WorkflowVersion) -> SafeString | str:
        return pretty(version.input_schema)

    @admin.display(description="output schema")
    def output_schema_json(self, version: WorkflowVersion) -> SafeString | str:
        return pretty(version.output_schema)

    @admin.display(description="state schema")
    def state_schema_json(self, version: WorkflowVersion) -> SafeString | str:
        return pretty(version.state_schema)

    @admin.display(description="request context schema")
    def request_context_schema_json(self, version: WorkflowVersion) -> SafeString | str:
        return pretty(version.request_context_schema)
