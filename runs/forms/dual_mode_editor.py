"""A value that a page shows in two ways, of which one is on: what is common to all such editors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from runs.engine.data.json_value import InvalidJson
from runs.engine.log.snapshot import UNSET

from .problem import Problem
from .schema.exact_json import plain


class DualModeEditor(ABC):
    """`mode` tells which view is on; `problems` what is wrong with what was typed."""

    mode: str

    @property
    @abstractmethod
    def problems(self) -> list[Problem]:
        """What is wrong with what was typed."""

    @property
    @abstractmethod
    def choices(self) -> Sequence[str]:
        """The modes that can be switched to."""

    @abstractmethod
    def tree(self) -> object:
        """The value as it stands, with Numbers; UNSET for nothing, and for a text that is no JSON."""

    @abstractmethod
    def fill(self, tree: object) -> None:
        """Show a value, in the mode that is on."""

    @abstractmethod
    def find_faults(self) -> None:
        """Add to the problems what keeps the value from being JSON at all."""

    @abstractmethod
    def refuse(self, issues: list[tuple[str, str]]) -> None:
        """Put issues, each a dotted path and its text, at what they are about."""

    def value(self) -> object:
        """The value for a run. Problems are added for what a run cannot carry."""
        self.find_faults()
        tree = self.tree()
        if tree is UNSET or self.problems:
            return UNSET
        try:
            return plain(tree)
        except InvalidJson as error:  # only of a form: a text was read by the same rules
            self.refuse([(error.path, error.message)])
            return UNSET

    def switch(self, mode: str) -> None:
        """Show the same value in the other way. What cannot be read as one stays as it is, with its problems."""
        if mode == self.mode or mode not in self.choices:
            return
        self.find_faults()
        if self.problems:
            return
        tree = self.tree()
        self.mode = mode
        self.fill(tree)
