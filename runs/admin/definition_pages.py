"""The pages on which workflows are made from data: the editor, import and export, the difference of two versions."""

from collections.abc import Sequence

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header

from runs.catalog.definition_changes import definition_changes
from runs.catalog.definitions import Outdated, Saved, save, save_many
from runs.drawing.graph import draw_graph
from runs.drawing.line_diff import line_diff
from runs.forms.definition import EXAMPLE, DefinitionForm, pretty
from runs.forms.definition_import import DefinitionImport, behind_words
from runs.forms.tool_reference import tool_reference
from runs.models import Actor, AuditEntry, WorkflowDefinition, WorkflowVersion

from .site import HEAVY

FOLDER = "admin/runs/workflowdefinition"
VERSIONS_AT_A_GLANCE = 20
UNPROCESSABLE = 422
CONFLICT = 409


class DefinitionPages(admin.ModelAdmin):
    """The admin of definitions with pages of its own for those made from data."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("import/", self._page(self.import_view), name="runs_workflowdefinition_import"),
            path("steps/", self._page(self.steps_view), name="runs_workflowdefinition_steps"),
            path("<path:object_id>/export/", self._page(self.export_view), name="runs_workflowdefinition_export"),
            path("<path:object_id>/compare/", self._page(self.compare_view), name="runs_workflowdefinition_compare"),
        ]
        return own + super().get_urls()

    def _page(self, view):
        return self.admin_site.admin_view(view)

    def _render(
        self, request: HttpRequest, template: str, context: dict[str, object], status: int = 200
    ) -> TemplateResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"{FOLDER}/{template}", shared | context, status=status)

    # --- The editor ---

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._submitted(request, None)
        return self._editor(request, None, DefinitionForm(text=self._first_text(request)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        found = WorkflowDefinition.objects.dynamic().with_current().filter(pk=unquote(object_id))
        definition = found.filter(current__isnull=False).first()
        if definition is None or definition.current is None or not self.has_change_permission(request, definition):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            return self._submitted(request, definition)
        text = pretty(definition.current.definition_json)
        return self._editor(request, definition, DefinitionForm(definition=definition, text=text))

    def _first_text(self, request: HttpRequest) -> str:
        """An empty editor, an example, or a copy of another definition under a free name."""
        if "example" in request.GET:
            return pretty(EXAMPLE | {"id": self._free_id(str(EXAMPLE["id"]))})
        source = request.GET.get("from")
        if not source:
            return ""
        version = self._version(source, request.GET.get("version"))
        return pretty({**(version.definition_json or {}), "id": self._free_id(f"{source}-copy")})

    def _free_id(self, wanted: str) -> str:
        taken = set(WorkflowDefinition.objects.filter(pk__startswith=wanted).values_list("pk", flat=True))
        return next(
            name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, len(taken) + 3))) if name not in taken
        )

    def _submitted(self, request: HttpRequest, definition: WorkflowDefinition | None) -> HttpResponse:
        form = DefinitionForm.posted(request.POST, request.FILES, definition)
        is_new = definition is None
        if is_new and form.checked and not form.checked.issues and (taken := _taken(form.checked.data)):
            form.say(f"There is a definition {taken} already. Choose another id, or edit that one.", "id")
        status = 200 if form.may_be_saved else UNPROCESSABLE
        if form.may_be_saved and "_check" not in request.POST:
            try:
                return self._saved(request, definition, form)
            except Outdated as error:
                who = Actor.person(error.current.created_by).label if error.current.created_by else "The console"
                form.rebase(error.current.number)
                form.say(f"{who} saved version {error.current.number} meanwhile. Save again to put yours over it.")
                status = CONFLICT
        return self._editor(request, definition, form, status=status)

    def _saved(self, request: HttpRequest, definition: WorkflowDefinition | None, form: DefinitionForm) -> HttpResponse:
        base = form.cleaned_data["base"] if definition else None
        saved = save(form.checked.data if form.checked else None, base=base, actor=Actor.of(request))
        if definition is None:
            definition = WorkflowDefinition.objects.get(pk=saved.version.definition_id)
        settings = {name: form.cleaned_data[name] for name in ("enabled", "concurrency")}
        before = {name: getattr(definition, name) for name in settings}
        changed = [name for name in settings if settings[name] != before[name]]
        if changed:
            WorkflowDefinition.objects.filter(pk=definition.pk).update(**{name: settings[name] for name in changed})
            was, now = {name: before[name] for name in changed}, {name: settings[name] for name in changed}
            AuditEntry.objects.record(Actor.of(request), "edit", "workflow", definition.pk, before=was, after=now)
        self._tell(request, saved, settings_changed=bool(changed))
        return HttpResponseRedirect(_address("change", definition.pk), status=303)

    def _tell(self, request: HttpRequest, saved: Saved, *, settings_changed: bool) -> None:
        version = saved.version
        if saved.outcome != "unchanged":
            words = f"Version {version.number} of {version.definition_id} is stored. New runs get it."
            messages.success(
                request, words if saved.outcome == "changed" else f"The workflow {version.definition_id} can be run."
            )
        elif settings_changed:
            messages.success(request, "The settings are stored. The definition is as it was.")
        else:
            messages.info(request, "Nothing was changed.")
        for warning in behind_words(saved.left_behind):
            messages.warning(request, warning)

    def _editor(
        self, request: HttpRequest, definition: WorkflowDefinition | None, form: DefinitionForm, status: int = 200
    ) -> HttpResponse:
        context: dict[str, object] = {
            "title": definition.pk if definition else "Add a definition",
            "form": form,
            "definition": definition,
            "tools": tool_reference(),
            "versions": _versions(definition),
        }
        # What is wrong beside the definition itself, a name in use, say, does not keep it from being drawn.
        if form.is_bound and form.checked is not None and not form.checked.issues:
            version = form.checked.version
            current = definition.current if definition else None
            same = current is not None and current.content_hash == version.content_hash
            context["preview"] = version
            context["drawing"] = draw_graph(version.graph)
            context["change"] = "" if same else definition_changes(current, version)
        elif not form.is_bound and definition is not None and definition.current is not None:
            context["drawing"] = draw_graph(definition.current.graph)
        return self._render(request, "editor.html", context, status)

    # --- Out and in ---

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One definition as a file; `?version=` gives an older one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        definition_id = unquote(object_id)
        version = self._version(definition_id, request.GET.get("version"))
        return _download(pretty(version.definition_json), f"{definition_id}.json")

    @admin.action(description="Export the selected definitions as JSON", permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        chosen = list(queryset.order_by("pk").values_list("pk", "current__definition_json"))
        definitions = [data for _, data in chosen if data is not None]
        code = [name for name, data in chosen if data is None]
        if code:
            words = f"Not exported, as it is code: {', '.join(code[:5])}{' and others' if len(code) > 5 else ''}."
            self.message_user(request, words, messages.WARNING)
        if not definitions:
            return None
        if len(definitions) == 1:
            return _download(pretty(definitions[0]), f"{definitions[0]['id']}.json")
        return _download(pretty(definitions), "definitions.json")

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_add_permission(request) and self.has_change_permission(request)):
            raise PermissionDenied
        context: dict[str, object] = {"title": "Import definitions", "form": DefinitionImport()}
        status = 200
        if request.method == "POST":
            form = DefinitionImport.posted(request.POST, request.FILES)
            only_look = "_check" in request.POST
            reports = form.report(save_many(form.definitions, only_look=only_look, actor=Actor.of(request)))
            refused = sum(report.outcome == "refused" for report in reports)
            status = UNPROCESSABLE if refused == len(reports) else 200
            context |= {"form": form, "reports": reports, "refused": refused, "only_look": only_look}
            context["taken"] = len(reports) - refused
        return self._render(request, "import.html", context, status)

    # --- Reading ---

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What differs between two versions, of the code or made from data: `?old=3&new=5`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        definition_id = unquote(object_id)
        versions = WorkflowVersion.objects.filter(definition=definition_id).defer(*HEAVY).order_by("-number")
        numbers = {str(version.number): version for version in versions}
        if not numbers:
            raise Http404(f"There is no workflow {definition_id} with versions.")
        listed = list(numbers)
        new, old = request.GET.get("new", ""), request.GET.get("old", "")
        new = new if new in numbers else listed[0]
        older = listed[listed.index(new) + 1 :]
        old = old if old in numbers else (older or listed)[0]
        before, after = self._version(definition_id, old), self._version(definition_id, new)
        context = {
            "title": f"Versions {old} and {new} of {definition_id}",
            "definition_id": definition_id,
            "versions": list(numbers.values()),
            "old": before,
            "new": after,
            "lines": line_diff(pretty(before.content), pretty(after.content)),
            "nested": _nested_changes(before, after),
        }
        return self._render(request, "compare.html", context)

    def steps_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context: dict[str, object] = {"title": "Steps that definitions can use", "tools": tool_reference()}
        return self._render(request, "steps.html", context)

    def _version(self, definition_id: str, number: str | None) -> WorkflowVersion:
        """A version by its number; without one, that which new runs get. Raises Http404."""
        versions = WorkflowVersion.objects.filter(definition=definition_id)
        if number:
            versions = versions.filter(number=number) if number.isdecimal() and len(number) < 9 else versions.none()
        else:
            versions = versions.filter(pk__in=WorkflowDefinition.objects.filter(pk=definition_id).values("current"))
        version = versions.first()
        if version is None:
            raise Http404(f"There is no such version of {definition_id}.")
        return version


def _taken(data: object) -> str | None:
    """The id of a definition to be added, when there is one of that name."""
    wanted = data.get("id") if isinstance(data, dict) else None
    return wanted if WorkflowDefinition.objects.dynamic().filter(pk=wanted).exists() else None


def _versions(definition: WorkflowDefinition | None) -> Sequence[WorkflowVersion]:
    if definition is None:
        return ()
    newest = definition.versions.select_related("created_by").defer(*HEAVY).order_by("-number")
    return list(newest[:VERSIONS_AT_A_GLANCE])


def _nested_changes(old: WorkflowVersion, new: WorkflowVersion) -> list[str]:
    """The workflows that run as steps, where their versions differ; the JSON names them without a version."""
    before, after = old.nested or {}, new.nested or {}
    return [
        f"{name}: version {before.get(name, '–')} before, version {after.get(name, '–')} now"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _address(page: str, definition_id: str) -> str:
    return reverse(f"admin:runs_workflowdefinition_{page}", args=[quote(definition_id)])


def _download(text: str, name: str) -> HttpResponse:
    response = HttpResponse(text + "\n", content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response
