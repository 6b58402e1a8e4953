"""Runs: to be looked at, and canceled."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.drawing.figures import duration
from runs.engine.graph.ids import is_address_id
from runs.engine.log.results import RunStatus
from runs.executor import dispatch
from runs.models import Actor, RunTag, WorkflowRun
from runs.store import deletion

from .site import CappedPaginator, ReadOnlyAdmin, moment_text

TAGS_OFFERED = 20
RUNS_LOOKED_AT = 500  # newest runs whose tags are offered
NUL = "\x00"


class TagFilter(admin.SimpleListFilter):
    """The tags of the newest runs; any other one can be typed into the search field."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Sequence[tuple[str, str]]:
        newest = WorkflowRun.objects.newest_first().values_list("tags", flat=True)[:RUNS_LOOKED_AT]
        offered = dict.fromkeys(str(tag) for tags in newest for tag in tags)
        value = self.value()
        chosen = [value] if value and value not in offered else []
        return [(tag, tag) for tag in [*chosen, *list(offered)[:TAGS_OFFERED]]]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        return queryset.filter(_tagged(value)) if value else queryset


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
        return moment_text(run.created_at)

    @admin.display(description="started")
    def started(self, run: WorkflowRun) -> str:
        return moment_text(run.started_at)

    @admin.display(description="ended")
    def ended(self, run: WorkflowRun) -> str:
        return moment_text(run.ended_at)

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

    # --- What is stored against the rule for ids can be taken away here

    def has_delete_permission(self, request: HttpRequest, obj: WorkflowRun | None = None) -> bool:
        if obj is None or not request.user.has_perm("runs.delete_workflowrun"):
            return False
        is_at_rest = obj.status not in (RunStatus.RUNNING, RunStatus.WAITING)
        return is_at_rest and not (is_address_id(obj.pk) and is_address_id(obj.workflow_id))

    def get_deleted_objects(self, objs: QuerySet[WorkflowRun] | Sequence[WorkflowRun], request: HttpRequest) -> tuple:
        return [f"Run {run.pk!r} with its history" for run in objs], {"runs": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: WorkflowRun) -> None:
        deletion.delete(obj.pk, actor=Actor.of(request))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[WorkflowRun]) -> list:
        return []  # the audit has it

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("runs.change_workflowrun")

    @admin.action(description="Cancel the selected runs", permissions=["cancel"])
    def cancel_runs(self, request: HttpRequest, queryset: QuerySet) -> None:
        actor = Actor.of(request)
        run_ids = queryset.values_list("pk", flat=True)
        canceled = sum(dispatch.cancel(run_id, actor=actor) for run_id in run_ids)
        self.message_user(request, f"{canceled} of the selected runs are being canceled; the others had ended.")
