"""Texts with placeholders such as `<uuid#1>` or `<iso>`, and the ids that the numbered ones stand for."""

import copy
import re
from collections.abc import Mapping


class Placeholders:
    """What the placeholders of one recording stand for, one to one within each kind.

    `numbered` and `plain` give the regular expression of what a placeholder of each kind accepts: `<kind#n>`, `<kind>`.
    """

    def __init__(self, numbered: Mapping[str, str], plain: Mapping[str, str]) -> None:
        self._forms = {**numbered, **plain}
        self._pattern = re.compile(rf"<(?:(?:{'|'.join(numbered)})#\d+|{'|'.join(plain)})>")
        self._ids: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}

    def copy(self) -> "Placeholders":
        """One that learns apart from this one."""
        other = copy.copy(self)
        other._ids, other._names = dict(self._ids), dict(self._names)
        return other

    def first_in(self, text: str) -> str | None:
        found = self._pattern.search(text)
        return found and found.group()

    def id_of(self, placeholder: str) -> str | None:
        return self._ids.get(placeholder)

    def mismatch(self, expected: str, actual: str) -> str | None:
        """Why a text is not the expected one with its placeholders filled, or None; then their ids are learnt."""
        names = self._pattern.findall(expected)
        parts = [re.escape(part) for part in self._pattern.split(expected)]
        forms = [f"({self._forms[_kind(name)]})" for name in names]
        pattern = parts[0] + "".join(form + part for form, part in zip(forms, parts[1:], strict=True))
        if not (found := re.fullmatch(pattern, actual, re.DOTALL)):
            return f"{actual[:160]!r} is not of the form {expected[:160]!r}"
        for name, text in zip(names, found.groups(), strict=True):
            if "#" in name and (reason := self._learn(name, text)):
                return reason
        return None

    def _learn(self, name: str, text: str) -> str | None:
        known = self._ids.setdefault(name, text)
        if known != text:
            return f"{name} was {known} before, and is {text} here"
        first = self._names.setdefault((_kind(name), text), name)
        return None if first == name else f"{text} was {first} before, and is {name} here"


def _kind(placeholder: str) -> str:
    return placeholder[1:-1].split("#")[0]
