"""The form that starts a run from a step of an earlier one: that step's input, as it was, to be changed."""

import json
import secrets
from collections import deque
from collections.abc import Mapping

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from runs.engine.data.json_value import same_json
from runs.engine.errors import InvalidInput
from runs.engine.log.snapshot import UNSET
from runs.engine.redaction.redactor import Redactor

from .problem import Problem, is_hidden, without_secrets
from .schema.exact_json import exact
from .value_editor import ValueEditor


class FromStepForm:
    """The input of a step. Secrets of the recorded one are not shown; those that are not entered anew are kept."""

    def __init__(self, schema: object, recorded: object, redactor: Redactor) -> None:
        self.recorded = recorded
        self.redactor = redactor
        self.start_key = secrets.token_urlsafe(16)
        self.shown = without_secrets(recorded, redactor)
        self.hides = recorded is not UNSET and not same_json(self.shown, recorded)
        self.editor = ValueEditor("input", schema, "Input")
        self.own: list[Problem] = []
        if recorded is not UNSET:
            self.editor.fill(exact(self.shown))
        # Hidden parts are drawn as new ones: what they send of themselves is no change.
        self._filled = self.editor.tree()

    def read_post(self, data: QueryDict, files: MultiValueDict) -> None:
        """Take over what was submitted, as it was."""
        self.start_key = data.get("start_key", "")[:64] or self.start_key
        self.editor.read_post(data, files)

    def value(self) -> object:
        """The input for the run; UNSET when it is as it was recorded. Look at `problems` before using it."""
        if self._is_untouched:
            return UNSET
        given = self.editor.value()
        if given is UNSET or self.recorded is UNSET:
            return given
        whole = with_secrets(given, self.recorded, self.redactor)
        return UNSET if same_json(whole, self.recorded) else whole

    def refuse(self, error: InvalidInput) -> None:
        """Put the engine's issues at their fields."""
        self.editor.refuse(error.issues)

    def say(self, said: str) -> None:
        """A problem of the whole; `said` is the end of a sentence."""
        self.own.append(Problem("from-step", "This start", said))

    @property
    def problems(self) -> list[Problem]:
        return list(dict.fromkeys([*(() if self._is_untouched else self.editor.problems), *self.own]))

    @property
    def _is_untouched(self) -> bool:
        return self.hides and self.editor.tree() == self._filled


def with_secrets(given: object, recorded: object, redactor: Redactor) -> object:
    """The value with the recorded secrets at the keys that it lacks."""
    if isinstance(given, dict) and isinstance(recorded, Mapping):
        known = {key: with_secrets(item, recorded.get(key), redactor) for key, item in given.items()}
        kept = {key: item for key, item in recorded.items() if key not in given and is_hidden(key, item, redactor)}
        return {**known, **kept}
    if isinstance(given, str) and isinstance(recorded, str) and given != recorded and given == redactor.text(recorded):
        return recorded  # in a list, where nothing can be left out
    if isinstance(given, list) and isinstance(recorded, list):
        origins = _origins(given, recorded, redactor)
        return [with_secrets(item, origin, redactor) for item, origin in zip(given, origins, strict=True)]
    return given


def _origins(given: list[object], recorded: list[object], redactor: Redactor) -> list[object]:
    """The recorded item of each given one: the one that was shown so, else the one at the same place.

    When items were added or removed places say nothing: a changed item gets no secret then, rather than another's.
    """
    places: dict[str, deque[int]] = {}
    for at, item in enumerate(recorded):
        places.setdefault(_text(without_secrets(item, redactor)), deque()).append(at)
    found: list[int | None] = []
    for item in given:
        same = places.get(_text(item))
        found.append(same.popleft() if same else None)
    if len(given) == len(recorded):
        free = set(range(len(recorded))).difference(at for at in found if at is not None)
        found = [at if origin is None and at in free else origin for at, origin in enumerate(found)]
    return [None if at is None else recorded[at] for at in found]


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
