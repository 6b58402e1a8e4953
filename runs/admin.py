"""The admin site: definitions, people and rights; runs to be looked at, and canceled."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.drawing.figures import duration
from runs.drawing.graph import draw_graph
from runs.execution import dispatch
from runs.models import AuditEntry, RunTag, WorkflowDefinition, WorkflowRun, WorkflowVersion

# One way in: the console's own page, with its words and its lock against guessing.
admin.site.login = login_required(admin.site.login)
admin.site.site_header = "wfconsole administration"
admin.site.site_title = "wfconsole"
admin.site.index_title = "Definitions, people and rights"

SCHEMAS = ["input_schema", "output_schema", "state_schema", "request_context_schema"]
HEAVY = ["graph", "steps", "definition_json", *SCHEMAS]  # what a list of versions does without
MOST_COUNTED = 10_000
TAGS_OFFERED = 20
RUNS_LOOKED_AT = 500  # newest runs whose tags are offered
NUL = "\x00"


class CappedPaginator(Paginator):
    """Counts no further than MOST_COUNTED: of a million rows, an exact number costs more than it tells."""

    @cached_property
    def count(self) -> int:
        return self.object_list[:MOST_COUNTED].count()


class ReadOnlyAdmin(admin.ModelAdmin):
    """What is only looked at here: it comes about elsewhere."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: object) -> bool:
        return False


def _pretty(value: object) -> SafeString | str:
    if value is None:
        return "None is declared."
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<details open><summary>JSON</summary><pre class="wf-admin-json">{}</pre></details>', text)


def _drawn(version: WorkflowVersion | None, name: str) -> SafeString | str:
    if version is None:
        return "–"
    return SafeString(render_to_string("runs/_graph.html", {"drawing": draw_graph(version.graph), "name": name}))


def _moment(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else "–"


class VersionInline(admin.TabularInline):
    model = WorkflowVersion
    fields = readonly_fields = ["number", "short_hash", "change", "created_by", "created", "open"]
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
        return _moment(version.created_at)

    @admin.display(description="graph and schemas")
    def open(self, version: WorkflowVersion) -> SafeString:
        address = reverse("admin:runs_workflowversion_change", args=[version.pk])
        return format_html('<a href="{}">Show</a>', address)


@admin.register(WorkflowDefinition)
class WorkflowDefinitionAdmin(admin.ModelAdmin):
    list_display = ["id", "enabled", "origin", "version", "run_count", "concurrency", "problem", "updated"]
    list_filter = ["enabled", "origin"]
    list_select_related = ["current"]
    search_fields = ["id", "description"]
    actions = ["enable", "disable"]
    inlines = [VersionInline]
    fields = ["id", "origin", "description", "problem", "enabled", "concurrency", "console", "graph"]
    readonly_fields = ["id", "origin", "description", "problem", "console", "graph"]

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

    @admin.display(description="changed", ordering="updated_at")
    def updated(self, workflow: WorkflowDefinition) -> str:
        return _moment(workflow.updated_at)

    @admin.display(description="in the console")
    def console(self, workflow: WorkflowDefinition) -> SafeString:
        address = reverse("workflow_detail", args=[workflow.pk])
        return format_html('<a href="{}">Runs, figures and schemas</a>', address)

    @admin.display(description="graph")
    def graph(self, workflow: WorkflowDefinition) -> SafeString | str:
        return _drawn(workflow.current, workflow.pk)

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
    list_display = ["__str__", "definition_id", "change", "created_by", "created"]
    list_filter = ["definition"]
    list_select_related = ["created_by"]
    search_fields = ["definition__id", "content_hash"]
    fields = ["definition", "number", "content_hash", "change", "created_by", "created", "drawn_graph"]
    fields += [*(f"{name}_json" for name in SCHEMAS), "graph_json"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        found = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "runs_workflowversion_changelist":
            found = found.defer(*HEAVY)
        return found

    @admin.display(description="since", ordering="created_at")
    def created(self, version: WorkflowVersion) -> str:
        return _moment(version.created_at)

    @admin.display(description="graph")
    def drawn_graph(self, version: WorkflowVersion) -> SafeString | str:
        return _drawn(version, version.definition_id)

    @admin.display(description="graph as data")
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


class TagFilter(admin.SimpleListFilter):
    """The tags of the newest runs; any other one can be typed into the search field."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Sequence[tuple[str, str]]:
        newest = WorkflowRun.objects.newest_first().values_list("tags", flat=True)[:RUNS_LOOKED_AT]
        offered = dict.fromkeys(str(tag) for tags in newest for tag in tags)
        chosen = [self.value()] if self.value() and self.value() not in offered else []
        return [(tag, tag) for tag in [*chosen, *list(offered)[:TAGS_OFFERED]]]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(_tagged(self.value())) if self.value() else queryset


def _tagged(tag: str) -> Exists:
    return Exists(RunTag.objects.filter(run_id=OuterRef("pk"), tag=tag))


@admin.register(WorkflowRun)
class WorkflowRunAdmin(ReadOnlyAdmin):
    list_display = ["short_id", "status", "workflow_id", "created", "took", "detail", "who", "tag_list"]
    list_filter = ["status", "created_at", "workflow", TagFilter]
    search_fields = ["id"]  # only that there is a field; see get_search_results
    search_help_text = "The beginning of a run id or of a trace id, or a whole tag"
    ordering = ["-created_at", "-id"]
    sortable_by = ["created"]  # what has an index; a million runs by anything else would be sorted in full
    list_per_page = 50
    paginator = CappedPaginator
    show_full_result_count = False
    actions = ["cancel_runs"]
    fields = [
        "console", "id", "status", "workflow", "version", "detail", "who", "created", "started", "ended", "wake_at",
        "trace_id", "tag_list", "resource_id", "priority", "epoch", "last_seq", "worker", "origin", "origin_step",
    ]  # fmt: skip

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """As ranges, which the indexes answer; the admin's own LIKE would read every run."""
        text = search_term.strip()
        if not text or NUL in text:
            return queryset, False
        found = Q(pk__gte=text, pk__lt=text + "\uffff") | Q(trace_id__gte=text.lower(), trace_id__lt=text.lower() + "g")
        return queryset.filter(found | Q(pk__in=RunTag.objects.filter(tag=text).values("run_id"))), False

    @admin.display(description="run")
    def short_id(self, run: WorkflowRun) -> SafeString:
        text = run.pk if len(run.pk) <= 16 else f"{run.pk[:8]}…{run.pk[-6:]}"
        return format_html('<span title="{}">{}</span>', run.pk, text)

    @admin.display(description="created", ordering="created_at")
    def created(self, run: WorkflowRun) -> str:
        return _moment(run.created_at)

    @admin.display(description="started")
    def started(self, run: WorkflowRun) -> str:
        return _moment(run.started_at)

    @admin.display(description="ended")
    def ended(self, run: WorkflowRun) -> str:
        return _moment(run.ended_at)

    @admin.display(description="took")
    def took(self, run: WorkflowRun) -> str:
        if run.started_at is None or run.ended_at is None:
            return "–"
        return duration((run.ended_at - run.started_at) / timedelta(milliseconds=1))

    @admin.display(description="started by")
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
    list_display = ["tag", "run_id", "created"]
    search_fields = ["tag__exact"]
    search_help_text = "A whole tag"
    ordering = ["-created_at"]
    paginator = CappedPaginator
    show_full_result_count = False

    @admin.display(description="the run's time", ordering="created_at")
    def created(self, tag: RunTag) -> str:
        return _moment(tag.created_at)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at_time", "actor_label", "verb", "object_type", "object_id", "address"]
    list_filter = ["verb", "object_type", "at"]
    search_fields = ["object_id__startswith", "actor_label"]
    paginator = CappedPaginator
    show_full_result_count = False

    @admin.display(description="at", ordering="at")
    def at_time(self, entry: AuditEntry) -> str:
        return _moment(entry.at)
