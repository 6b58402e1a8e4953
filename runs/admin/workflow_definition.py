"""Workflows: those of the code are looked at and switched on and off; those made from data are written here."""

from collections.abc import Sequence

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.engine.graph.ids import is_address_id
from runs.models import Actor, AuditEntry, WorkflowDefinition, WorkflowRun

from .definition_pages import DefinitionPages
from .site import drawn, moment_text
from .workflow_version import VersionInline

MOST_NAMED = 20  # runs that keep a workflow from being deleted


@admin.register(WorkflowDefinition)
class WorkflowDefinitionAdmin(DefinitionPages):
    list_display = ["id", "enabled", "origin", "version", "run_count", "concurrency", "problem", "updated"]
    list_filter = ["enabled", "origin"]
    list_select_related = ["current"]
    search_fields = ["id", "description"]
    actions = ["enable", "disable", "export"]
    inlines = [VersionInline]
    fields = ["id", "origin", "description", "problem", "enabled", "concurrency", "time_limit"]
    fields += ["keep_values_days", "keep_days", "keep_runs", "console", "graph"]
    readonly_fields = ["id", "origin", "description", "problem", "console", "graph"]

    def has_delete_permission(self, request: HttpRequest, obj: WorkflowDefinition | None = None) -> bool:
        """One whose id breaks the rule for ids can go. All others stay: runs point to them."""
        return obj is not None and not is_address_id(obj.pk) and request.user.has_perm("runs.delete_workflowdefinition")

    def get_deleted_objects(
        self, objs: QuerySet[WorkflowDefinition] | Sequence[WorkflowDefinition], request: HttpRequest
    ) -> tuple:
        shown = [f"Workflow {workflow.pk!r} with its versions" for workflow in objs]
        runs = WorkflowRun.objects.filter(workflow__in=[workflow.pk for workflow in objs])[:MOST_NAMED]
        protected = [
            format_html(
                'Run <a href="{}">{}</a>', reverse("admin:runs_workflowrun_change", args=[quote(run.pk)]), run.pk
            )
            for run in runs
        ]
        return shown, {"workflows": len(objs)}, set(), protected

    def delete_model(self, request: HttpRequest, obj: WorkflowDefinition) -> None:
        with transaction.atomic():
            WorkflowDefinition.objects.filter(pk=obj.pk).update(current=None)
            WorkflowDefinition.objects.get(pk=obj.pk).delete()
            AuditEntry.objects.record(Actor.of(request), "delete", "workflow", obj.pk)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[WorkflowDefinition]) -> list:
        return []  # the audit has it

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        # A subquery reads the index of runs alone; a join would group the versions' schemas along with them.
        runs = WorkflowRun.objects.filter(workflow=OuterRef("pk")).order_by().values("workflow")
        counted = Subquery(runs.annotate(runs=Count("pk")).values("runs"))
        return super().get_queryset(request).annotate(counted=Coalesce(counted, 0))

    def save_model(self, request: HttpRequest, obj: WorkflowDefinition, form, change: bool) -> None:
        before = {name: form.initial.get(name) for name in form.changed_data}
        super().save_model(request, obj, form, change)
        if form.changed_data:
            after = {name: form.cleaned_data[name] for name in form.changed_data}
            AuditEntry.objects.record(Actor.of(request), "edit", "workflow", obj.pk, before=before, after=after)

    @admin.display(description="version")
    def version(self, workflow: WorkflowDefinition) -> str:
        return f"v{workflow.current.number}" if workflow.current else "–"

    @admin.display(description="runs", ordering="counted")
    def run_count(self, workflow: WorkflowDefinition) -> int:
        return workflow.counted  # type: ignore[attr-defined]  # annotated by get_queryset()

    @admin.display(description="changed", ordering="updated_at")
    def updated(self, workflow: WorkflowDefinition) -> str:
        return moment_text(workflow.updated_at)

    @admin.display(description="in the console")
    def console(self, workflow: WorkflowDefinition) -> SafeString:
        address = reverse("workflow_detail", args=[workflow.pk])
        return format_html('<a href="{}">Runs, figures and schemas</a>', address)

    @admin.display(description="graph")
    def graph(self, workflow: WorkflowDefinition) -> SafeString | str:
        return drawn(workflow.current, workflow.pk)

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
            before, after = {"enabled": not enabled}, {"enabled": enabled}
            AuditEntry.objects.record(Actor.of(request), verb, "workflow", workflow_id, before=before, after=after)
        words = "take new runs" if enabled else "take no new runs"
        self.message_user(request, f"{len(changed)} of the selected workflows now {words}.", messages.SUCCESS)
