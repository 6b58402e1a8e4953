"""Tags of runs."""

from django.contrib import admin

from runs.models import RunTag

from .site import CappedPaginator, ReadOnlyAdmin, moment_text


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
        return moment_text(tag.created_at)
