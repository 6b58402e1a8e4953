"""The form of a workflow definition: its JSON as text, and how it is run."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.catalog.definition_check import Checked, look_at
from runs.engine.data.json_value import InvalidJson, parse_json
from runs.engine.definition.definition import DefinitionIssue
from runs.models import WorkflowDefinition

from .schema.json_places import line_of, lines_of

MOST_AT_ONCE = 100_000

EXAMPLE = {
    "id": "ask-first",
    "description": "Asks a person whether somebody shall be greeted, and greets",
    "inputSchema": {
        "type": "object",
        "properties": {"name": {"type": "string", "minLength": 1, "title": "Name"}},
        "required": ["name"],
    },
    "outputSchema": {},
    "graph": [
        {
            "type": "mapping",
            "id": "question",
            "mapConfig": {"message": {"template": "Shall we greet ${initData.name}?"}},
        },
        {"type": "tool", "id": "ask", "toolId": "approval"},
        {
            "type": "mapping",
            "id": "words",
            "mapConfig": {"template": {"value": "Hello ${name}"}, "values": {"initData": True, "path": "."}},
        },
        {"type": "tool", "id": "greet", "toolId": "text_template"},
    ],
}


def pretty(value: object) -> str:
    """JSON as people read and edit it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: its dotted path, the sentence, and the line of the text; no line where it has none."""

    path: str
    message: str
    line: int | None = None
    column: int = 1


class DefinitionForm(forms.Form):
    """What is typed or uploaded. A file wins over the text, and then stands in its place."""

    text = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": 28}))
    file = forms.FileField(required=False)
    enabled = forms.BooleanField(required=False)
    concurrency = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_AT_ONCE,
        error_messages={"invalid": "Enter a whole number, or leave it empty."},
    )
    base = forms.IntegerField(required=False, widget=forms.HiddenInput)  # the number of the version that was edited

    def __init__(self, *, definition: WorkflowDefinition | None = None, text: str = "") -> None:
        self.definition = definition
        self.checked: Checked | None = None
        self.findings: list[Finding] = []
        enabled, concurrency = (definition.enabled, definition.concurrency) if definition else (True, None)
        base = definition.current.number if definition and definition.current else None
        super().__init__(initial={"text": text, "enabled": enabled, "concurrency": concurrency, "base": base})

    @classmethod
    def posted(
        cls, data: QueryDict, files: MultiValueDict, definition: WorkflowDefinition | None = None
    ) -> "DefinitionForm":
        """The form as it was sent, looked at: `checked` and `findings` are filled in."""
        form = cls(definition=definition)
        given = data.copy()
        form.data, form.files, form.is_bound = given, files, True
        form.is_valid()
        if file := files.get("file"):
            try:
                given["text"] = text_of(file)
            except NotUtf8 as error:
                form.findings.append(Finding("", str(error)))
                return form
        form._look()
        return form

    @property
    def shown_text(self) -> str:
        return self.data.get("text", "") if self.is_bound else self.initial["text"]

    @property
    def may_be_saved(self) -> bool:
        return self.is_bound and not self.findings

    def rebase(self, number: int) -> None:
        """Make the next save replace that version, which the page has named."""
        self.data = {**self.data, "base": str(number)}

    def say(self, message: str, path: str = "") -> None:
        """Add a finding of one's own."""
        line = line_of(path, lines_of(self.shown_text)) if path and self.checked else None
        self.findings.append(Finding(path, message, line))

    def _look(self) -> None:
        for name in ("concurrency", "base"):
            for message in self.errors.get(name, ()):
                self.findings.append(Finding("runs at once" if name == "concurrency" else name, str(message)))
        text = self.shown_text
        self.checked, found = look_at_text(text)
        own = self.definition.pk if self.definition else None
        data = self.checked.data if self.checked else None
        if own is not None and isinstance(data, dict) and data.get("id") not in (None, own):
            self.say(f"This definition is called {own}: its runs know it by that name. Duplicate it for another.", "id")
        self.findings += found


class NotUtf8(ValueError):
    """An uploaded file is no UTF-8 text; the message says at which byte."""


def text_of(file: UploadedFile) -> str:
    """Return the text of an uploaded file. Raises NotUtf8."""
    try:
        return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotUtf8(
            f"{file.name} is not UTF-8 text, at byte {error.start}. Save it as UTF-8, or paste its text."
        ) from None


def look_at_text(text: str) -> tuple[Checked | None, list[Finding]]:
    """The definition that a text holds, and everything that is wrong with it, with the lines."""
    if not text.strip():
        return None, [Finding("", "There is nothing to check. Paste a definition, or choose a file.")]
    try:
        data = parse_json(text, max_depth=settings.MAX_JSON_DEPTH)
    except InvalidJson as error:
        return None, [Finding(error.path, f"This is not JSON. {error.message}", error.line, error.column)]
    checked = look_at(data)
    return checked, findings_of(checked.issues, text)


def findings_of(issues: Iterable[DefinitionIssue], text: str = "") -> list[Finding]:
    """Issues of a definition with the lines of its text."""
    places = lines_of(text) if issues and text else {}
    return [_finding(issue, places) for issue in issues]


def _finding(issue: DefinitionIssue, places: dict[str, int]) -> Finding:
    path = "" if issue.path == "root" else issue.path
    return Finding(path, issue.message, line_of(path, places) if places else None)
