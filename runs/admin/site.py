"""What all of the admin's pages share."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs.drawing.graph import draw_graph
from runs.models import WorkflowVersion

# One way in: the console's own page, with its words and its lock against guessing.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "wfconsole administration"
admin.site.site_title = "wfconsole"
admin.site.index_title = "Definitions, people and rights"

SCHEMAS = ["input_schema", "output_schema", "state_schema", "request_context_schema"]
HEAVY = ["graph", "steps", "definition_json", *SCHEMAS]  # what a list of versions does without
MOST_COUNTED = 10_000


class CappedPaginator(Paginator):
    """Counts no further than MOST_COUNTED: of a million rows, an exact number costs more than it tells."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list[:MOST_COUNTED]
        return rows.count() if isinstance(rows, QuerySet) else len(rows)


class ReadOnlyAdmin(admin.ModelAdmin):
    """What is only looked at here: it comes about elsewhere."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def pretty(value: object) -> SafeString | str:
    if value is None:
        return "None is declared."
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<details open><summary>JSON</summary><pre class="wf-admin-json">{}</pre></details>', text)


def drawn(version: WorkflowVersion | None, name: str) -> SafeString | str:
    if version is None:
        return "–"
    return SafeString(render_to_string("runs/shared/_graph.html", {"drawing": draw_graph(version.graph), "name": name}))


def moment_text(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else "–"
