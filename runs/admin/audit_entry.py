"""Who did what."""

from django.contrib import admin

from runs.models import AuditEntry

from .site import CappedPaginator, ReadOnlyAdmin, moment_text


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at_time", "actor_label", "verb", "object_type", "object_id", "address"]
    list_filter = ["verb", "object_type", "at"]
    search_fields = ["object_id__startswith", "actor_label"]
    paginator = CappedPaginator
    show_full_result_count = False

    @admin.display(description="at", ordering="at")
    def at_time(self, entry: AuditEntry) -> str:
        return moment_text(entry.at)
