"""What can be wrong with a workflow definition, and where."""

from typing import NamedTuple

from ..errors import InvalidWorkflow


class DefinitionIssue(NamedTuple):
    """One fault of a definition. `path` is dotted, such as `graph.2.steps.0`; `code` is the reference's word for it.

    `invalid-shape` says that the JSON does not have the form of a definition; all other codes, that its parts do not
    fit together.
    """

    path: str
    code: str
    message: str


class InvalidDefinition(InvalidWorkflow):
    """A definition cannot be used. `issues` lists everything that is wrong with it."""

    def __init__(self, definition_id: str, issues: list[DefinitionIssue]) -> None:
        self.issues = issues
        lines = "".join(f"\n- [{issue.code}] {issue.path}: {issue.message}" for issue in issues)
        super().__init__(f'Dynamic workflow "{definition_id}" failed validation with {len(issues)} issue(s):{lines}')

    @property
    def is_shape(self) -> bool:
        """Whether the JSON does not even have the form of a definition."""
        return all(issue.code == "invalid-shape" for issue in self.issues)
