"""The form that takes in several definitions at once, and the report on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.catalog.definitions import Item
from runs.engine.data.json_value import InvalidJson, parse_json
from runs.engine.definition.definition import DefinitionIssue

from .definition import Finding, NotUtf8, findings_of, text_of

MOST = 500


@dataclass
class Report:
    """What became, or would become, of one definition; or of a text that holds none."""

    source: str
    id: str
    outcome: str
    change: str = ""
    number: int | None = None
    findings: Sequence[Finding] = ()
    warnings: Sequence[str] = ()


@dataclass
class DefinitionImport:
    """Definitions from a text and from files; each holds one, a list of them, or `{"definitions": [...]}`."""

    text: str = ""
    found: list[tuple[str, object]] = field(default_factory=list)  # where from, and the definition
    refused: list[Report] = field(default_factory=list)

    @classmethod
    def posted(cls, data: QueryDict, files: MultiValueDict) -> "DefinitionImport":
        taken = cls(text=data.get("text", ""))
        for file in files.getlist("files"):
            try:
                taken._read(file.name or "file", text_of(file))
            except NotUtf8 as error:
                taken._refuse(file.name or "file", Finding("", str(error)))
        if taken.text.strip():
            taken._read("the text", taken.text)
        if not taken.found and not taken.refused:
            taken._refuse("the text", Finding("", "There is nothing to import. Paste definitions, or choose files."))
        if len(taken.found) > MOST:
            taken._refuse("all", Finding("", f"At most {MOST} are taken at once; these are {len(taken.found)}."))
            taken.found = []
        return taken

    def _read(self, source: str, text: str) -> None:
        try:
            data = parse_json(text, max_depth=settings.MAX_JSON_DEPTH)
        except InvalidJson as error:
            finding = Finding("", f"This is not JSON. {error.message}", error.line, error.column)
            self._refuse(source, finding)
            return
        if isinstance(data, Mapping) and isinstance(data.get("definitions"), list) and "graph" not in data:
            data = data["definitions"]
        if not isinstance(data, list):
            self.found.append((source, data))
            return
        if not data:
            self._refuse(source, Finding("", "The list is empty."))
        self.found += [
            (f"{source}, {number}" if len(data) > 1 else source, each) for number, each in enumerate(data, 1)
        ]

    def _refuse(self, source: str, finding: Finding) -> None:
        self.refused.append(Report(source, "", "refused", findings=[finding]))

    @property
    def definitions(self) -> list[object]:
        return [definition for _, definition in self.found]

    def report(self, items: Sequence[Item]) -> list[Report]:
        """What became of each, in the order in which they were given."""
        told = [_report(source, item) for (source, _), item in zip(self.found, items, strict=True)]
        return [*self.refused, *told]


def _report(source: str, item: Item) -> Report:
    report = Report(source, item.id, item.outcome, findings=findings_of(item.issues))
    if item.saved is not None:
        report.change, report.number = item.saved.change, item.saved.version.number
        report.warnings = behind_words(item.saved.left_behind)
    return report


def behind_words(left_behind: Sequence[tuple[str, DefinitionIssue]]) -> list[str]:
    """Sentences on definitions that keep running the version before, as the new one does not fit them."""
    return [
        f"The definition {user} goes on with the version before. The new one does not fit: {issue.message}"
        for user, issue in left_behind
    ]
