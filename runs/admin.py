"""The admin site: definitions, people and rights; runs to be looked at, and canceled."""

import json

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.execution import dispatch
from runs.models import AuditEntry, RunTag, WorkflowDefinition, WorkflowRun, WorkflowVersion

admin.site.site_header = "wfconsole administration"
admin.site.site_title = "wfconsole"
admin.site.index_title = "Definitions, people and rights"

SCHEMAS = ["input_schema", "output_schema", "state_schema", "request_context_schema"]


class ReadOnlyAdmin(admin.ModelAdmin):
    """What is only looked at here: it comes about elsewhere."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: object) -> bool:
        return False


def _pretty(value: object) -> SafeString:
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False))


class VersionInline(admin.TabularInline):
    model = WorkflowVersion
    fields = readonly_fields = ["number", "short_hash", "change", "created_by", "created_at", "open"]
    extra = 0
    can_delete = False
    show_change_link = False
    ordering = ["-number"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("created_by").defer("graph", "steps", *SCHEMAS)

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    @admin.display(description="content")
    def short_hash(self, version: WorkflowVersion) -> str:
        return version.content_hash[:8]

    @admin.display(description="graph and schemas")
    def open(self, version: WorkflowVersion) -> SafeString:
        address = reverse("admin:runs_workflowversion_change", args=[version.pk])
        return format_html('<a href="{}">Show</a>', address)


@admin.register(WorkflowDefinition)
class WorkflowDefinitionAdmin(admin.ModelAdmin):
    list_display = ["id", "enabled", "origin", "version", "run_count", "concurrency", "problem", "updated_at"]
    list_filter = ["enabled", "origin"]
    list_select_related = ["current"]
    search_fields = ["id", "description"]
    actions = ["enable", "disable"]
    inlines = [VersionInline]
    fields = ["id", "origin", "description", "problem", "enabled", "concurrency", "console"]
    readonly_fields = ["id", "origin", "description", "problem", "console"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # definitions come from the code of the modules that the settings name

    def has_delete_permission(self, request: HttpRequest, obj: WorkflowDefinition | None = None) -> bool:
        return False  # its runs point to it

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).annotate(counted=Count("runs"))

    def save_model(self, request: HttpRequest, obj: WorkflowDefinition, form, change: bool) -> None:
        before = {name: form.initial.get(name) for name in form.changed_data}
        super().save_model(request, obj, form, change)
        if form.changed_data:
            _audit(request, "edit", obj.pk, before, {name: form.cleaned_data[name] for name in form.changed_data})

    @admin.display(description="version")
    def version(self, workflow: WorkflowDefinition) -> str:
        return f"v{workflow.current.number}" if workflow.current else "–"

    @admin.display(description="runs", ordering="counted")
    def run_count(self, workflow: WorkflowDefinition) -> int:
        return workflow.counted

    @admin.display(description="in the console")
    def console(self, workflow: WorkflowDefinition) -> SafeString:
        address = reverse("workflow_detail", args=[workflow.pk])
        return format_html('<a href="{}">Graph, schemas and runs</a>', address)

    @admin.action(description="Let the selected workflows take new runs", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._switch(request, queryset, enabled=True)

    @admin.action(description="Stop new runs of the selected workflows", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._switch(request, queryset, enabled=False)

    def _switch(self, request: HttpRequest, queryset: QuerySet, *, enabled: bool) -> None:
        changed = list(queryset.exclude(enabled=enabled).values_list("pk", flat=True))
        WorkflowDefinition.objects.filter(pk__in=changed).update(enabled=enabled)
        for workflow_id in changed:
            verb = "enable" if enabled else "disable"
            _audit(request, verb, workflow_id, {"enabled": not enabled}, {"enabled": enabled})
        words = "take new runs" if enabled else "take no new runs"
        self.message_user(request, f"{len(changed)} of the selected workflows now {words}.", messages.SUCCESS)


def _audit(request: HttpRequest, verb: str, workflow_id: str, before: object, after: object) -> None:
    AuditEntry.objects.create(
        actor=request.user,
        actor_label=_name(request.user),
        verb=verb,
        object_type="workflow",
        object_id=workflow_id,
        before=before,
        after=after,
        address=request.META.get("REMOTE_ADDR"),
    )


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()


@admin.register(WorkflowVersion)
class WorkflowVersionAdmin(ReadOnlyAdmin):
    list_display = ["definition_id", "number", "change", "created_by", "created_at"]
    list_filter = ["definition"]
    list_select_related = ["created_by"]
    search_fields = ["definition__id", "content_hash"]
    fields = ["definition", "number", "content_hash", "change", "created_by", "created_at", "graph_json"] + [
        f"{name}_json" for name in SCHEMAS
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        found = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "runs_workflowversion_changelist":
            found = found.defer("graph", "steps", "definition_json", *SCHEMAS)
        return found

    @admin.display(description="graph")
    def graph_json(self, version: WorkflowVersion) -> SafeString:
        return _pretty(version.graph)

    @admin.display(description="input schema")
    def input_schema_json(self, version: WorkflowVersion) -> SafeString:
        return _pretty(version.input_schema)

    @admin.display(description="output schema")
    def output_schema_json(self, version: WorkflowVersion) -> SafeString:
        return _pretty(version.output_schema)

    @admin.display(description="state schema")
    def state_schema_json(self, version: WorkflowVersion) -> SafeString:
        return _pretty(version.state_schema)

    @admin.display(description="request context schema")
    def request_context_schema_json(self, version: WorkflowVersion) -> SafeString:
        return _pretty(version.request_context_schema)


@admin.register(WorkflowRun)
class WorkflowRunAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "status",
        "workflow_id",
        "version_number",
        "created_at",
        "ended_at",
        "who",
        "tag_list",
        "detail",
    ]
    list_filter = ["status", "workflow", "created_at"]
    list_select_related = ["version"]
    search_fields = ["id__startswith", "trace_id__startswith", "run_tags__tag"]
    search_help_text = "The beginning of a run id or of a trace id, or a tag"
    ordering = ["-created_at", "-id"]
    list_per_page = 50
    show_full_result_count = False  # counting a million runs for one number is not worth it
    actions = ["cancel_runs"]
    fields = [
        "console", "status", "workflow", "version", "detail", "who", "created_at", "started_at", "ended_at", "wake_at",
        "trace_id", "tag_list", "resource_id", "priority", "epoch", "last_seq", "worker", "origin", "origin_step",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        schemas = ["graph", "steps", "definition_json", *SCHEMAS]
        return super().get_queryset(request).defer(*[f"version__{name}" for name in schemas])

    @admin.display(description="version")
    def version_number(self, run: WorkflowRun) -> str:
        return f"v{run.version.number}"

    @admin.display(description="started by", ordering="actor_label")
    def who(self, run: WorkflowRun) -> str:
        return run.actor_label

    @admin.display(description="tags")
    def tag_list(self, run: WorkflowRun) -> str:
        return ", ".join(map(str, run.tags))

    @admin.display(description="in the console")
    def console(self, run: WorkflowRun) -> SafeString:
        return format_html('<a href="{}">Steps, stream and result</a>', reverse("run_detail", args=[run.pk]))

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("runs.change_workflowrun")

    @admin.action(description="Cancel the selected runs", permissions=["cancel"])
    def cancel_runs(self, request: HttpRequest, queryset: QuerySet) -> None:
        canceled = sum(
            dispatch.cancel(
                run_id, actor=request.user, actor_label=_name(request.user), address=request.META.get("REMOTE_ADDR")
            )
            for run_id in queryset.values_list("pk", flat=True)
        )
        self.message_user(request, f"{canceled} of the selected runs are being canceled; the others had ended.")


@admin.register(RunTag)
class RunTagAdmin(ReadOnlyAdmin):
    list_display = ["tag", "run_id", "created_at"]
    search_fields = ["tag__startswith"]
    ordering = ["-created_at"]
    show_full_result_count = False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor_label", "verb", "object_type", "object_id", "address"]
    list_filter = ["verb", "object_type", "at"]
    search_fields = ["object_id__startswith", "actor_label"]
    show_full_result_count = False
