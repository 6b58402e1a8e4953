"""Redaction: which values are secret, and how they are replaced in pages, the API, log lines, spans and exports.

The one owner of the question. A value is hidden

* *by name*: the key is a secret's (secret_names.py), or a schema marks it: `"x-secret": true`, `"format": "password"`,
  `"writeOnly": true`. `"x-secret": false` says that a name is harmless. A marked name is hidden wherever it occurs in
  the run, for a secret is handed on under the same name;
* *by value*: what was hidden by name is known from then on, and found in every other text of the run;
* *in addresses*: the password in `scheme://user:password@host`, and query parameters with a secret's name.

What is stored stays as it is; redaction happens on the way out. Better hide one value too many than show one.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from numbers import Number
from typing import Self
from urllib.parse import unquote_plus

import orjson

from ..data.json_value import encode
from ..log.events import EventType
from ..log.results import RunStatus, StepStatus
from .schema_marks import MARK, is_marked, marked_names
from .secret_names import SECRET_WORDS, is_amount, is_secret_name
from .secret_search import SecretSearch, name_search, searched_texts

MASKED = "[masked]"
MOST_SECRETS = 256  # texts of one run that are searched for
MOST_NAMES = 10_000
# Words of our own records: who uses one as a password makes no record unreadable by it.
OWN_WORDS = frozenset({*map(str, RunStatus), *map(str, StepStatus), *map(str, EventType)}).union(
    """
    activeStepsPath attributes cause context createdAt endedAt forEachIndex initialState input inputData labels message
    metadata output payload request requestContext resourceId result resultFrom resumeData resumeLabels resumePayload
    resumedAt serializedStepGraph snapshot source spanId startedAt stepId stepName suspendOutput suspendPayload
    suspendedAt timestamp traceId tracingOptions updatedAt workflow workflowId workflowName
    string number integer boolean object
    """.split()  # noqa: SIM905
)
_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_KEY_END = re.compile(rb'(?:[^"\\]|\\.){0,256}"\s{0,8}:')
_USER_INFO = re.compile(r"""(?<=://)([^\s/?#@:"'<>\\]{0,256}):([^\s/?#"'<>\\]{1,512})@""")
_PARAMETER = re.compile(r"""([?&;#])([^\s=&;#?"'<>\\]{1,128})=([^\s&;#"'<>\\]+)""")
# token=abc, "apiKey": "abc", Authorization: Bearer abc
_ASSIGNED = re.compile(
    r"""(?ix) (?<![\w-]) (?P<name> [\w.-]{1,256} ) (?P<sign> ["']? \s{0,3} [=:] \s{0,3} )
    (?P<scheme> (?: bearer | basic ) \s{1,3} )?
    (?P<value> "(?:[^"\\]|\\.){0,4096}" | '(?:[^'\\]|\\.){0,4096}' | [^\s,;&)}\]"']+ )"""
)
_ADDRESS = re.compile(rb"""://[^\s/?#@:"'<>\\]{0,256}:[^\s/?#"'<>\\]{1,512}@|[?&;#][^\s=&;#?"'<>\\]{1,128}=""")


class Redactor:
    """Redacts the values and texts of one run. Without schemas and known secrets: by names and in addresses alone."""

    def __init__(self, secrets: frozenset[str] = frozenset(), harmless: frozenset[str] = frozenset()) -> None:
        self._marked = secrets
        self._harmless = harmless - secrets  # two schemas that disagree: the careful one wins
        self._rules: dict[str, str | None] = {}
        self._marked_keys = tuple(orjson.dumps(name)[1:-1].translate(_LOWER) + b'":' for name in sorted(secrets))
        self._known: dict[str, None] = {}  # secrets that are searched for, in the order in which they came
        self.known = 0  # how many they are
        self._never: frozenset[str] = frozenset()  # ids of steps, of the workflow
        self._ids: frozenset[str] = frozenset()  # of this run
        self._input_is_secret = self._answer_is_secret = False
        self._made: tuple[int, SecretSearch] | None = None  # the search, and how many secrets it looks for

    @classmethod
    def of(cls, *schemas: object) -> Self:
        """What these JSON Schemas mark, beside the names of secrets; None among them is no schema."""
        secrets: set[str] = set()
        harmless: set[str] = set()
        for schema in schemas:
            for name, is_secret in marked_names(schema):
                (secrets if is_secret else harmless).add(name)
        return cls(frozenset(secrets), frozenset(harmless))

    def fork(self, never: Iterable[str] = ()) -> "Redactor":
        """One for a run, with the same names, that knows no secret yet. `never`: ids, which are never secrets."""
        forked = Redactor.__new__(Redactor)
        forked._take_names(self, never)
        return forked

    def _take_names(self, other: "Redactor", never: Iterable[str]) -> None:
        self._marked, self._harmless = other._marked, other._harmless
        self._rules, self._marked_keys = other._rules, other._marked_keys
        self._known, self._made, self.known = {}, None, 0
        self._never, self._ids = other._never, frozenset(never)
        self._input_is_secret, self._answer_is_secret = other._input_is_secret, other._answer_is_secret

    def never_secret(self, ids: Iterable[str]) -> None:
        """Ids of the workflow and its steps: who uses one as a password makes no record unreadable by it."""
        self._never = frozenset(ids)

    def mark_whole(self, input_schema: object, *resume_schemas: object) -> None:
        """Add the schemas that mark a whole value, which has no key of its own."""
        self._input_is_secret = is_marked(input_schema)
        self._answer_is_secret = any(is_marked(schema) for schema in resume_schemas)

    # --- By name ---

    def rule(self, key: str, value: object = "…") -> str | None:
        """Why this value, or some value, at this key is hidden, in a word or two; None when it is not."""
        try:
            rule = self._rules[key]
        except KeyError:
            if len(self._rules) > MOST_NAMES:  # keys may be data, such as ids: never remember them all
                self._rules.clear()
            rule = self._rules[key] = self._find(key)
        if rule is None or value is None:
            return None
        if rule is not MARK and isinstance(value, Number) and (isinstance(value, bool) or is_amount(key)):
            return None
        return rule

    def _find(self, key: str) -> str | None:
        if key in self._marked:
            return MARK
        if key in self._harmless or not is_secret_name(key):
            return None
        return f"named {key}" if len(key) <= 40 else "its name"

    # --- What is known ---

    def learn(self, value: object) -> None:
        """Know the secrets in a value, by the names they stand at."""
        if value:  # mostly there is no context and no state
            for secret in _secrets(self, value):
                self.learn_secret(secret)

    def learn_run(self, input: object, *others: object) -> None:
        """Know the secrets of a run's input, and of its context and state."""
        if self._input_is_secret:
            self.learn_secret(input)
        for value in (input, *others):
            self.learn(value)

    def learn_answer(self, data: object) -> None:
        """Know the secrets of what a suspended step was answered."""
        if self._answer_is_secret:
            self.learn_secret(data)
        self.learn(data)

    def learn_text(self, text: bytes) -> None:
        """As learn(), of a value as JSON; one that names nothing secret is not parsed."""
        if self._names_in(text):
            self.learn(orjson.loads(text))

    def learn_secret(self, value: object) -> None:
        """Know that this value, and every text and number in it, is a secret."""
        for leaf in _leaves(value):
            for text in searched_texts(leaf):
                if len(self._known) >= MOST_SECRETS:
                    return
                is_word = text in OWN_WORDS or text in self._never or text in self._ids or text.lower() in SECRET_WORDS
                if text not in self._known and not is_word and not text.startswith("[masked"):
                    self._known[text] = None
                    self.known = len(self._known)

    def _search(self) -> SecretSearch | None:
        count = len(self._known)
        if count == 0:
            return None
        made = self._made
        if made is None or made[0] != count:
            made = self._made = (count, SecretSearch(list(self._known)))
        return made[1]

    # --- By value ---

    def apply(self, value: object) -> object:
        """The value as JSON data without what is hidden: `[masked: why]` by name, `[masked]` by value."""
        return self._applied(value, self._search())

    def _applied(self, value: object, search: SecretSearch | None) -> object:
        if isinstance(value, str):
            return _redacted(value, search)
        if isinstance(value, Mapping):
            return {_redacted_key(key, search): self._member(str(key), item, search) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._applied(item, search) for item in value]
        if search is not None and isinstance(value, Number) and not isinstance(value, bool):
            text = str(value).encode()
            return MASKED if search.find(text) == [(0, len(text))] else value
        return value

    def _member(self, key: str, value: object, search: SecretSearch | None) -> object:
        rule = self.rule(key, value)
        if rule is None or (key in self._never and isinstance(value, Mapping) and "status" in value):
            return self._applied(value, search)  # a step may be called like a secret; its record is none
        return f"[masked: {rule}]"

    def text(self, text: str) -> str:
        """A text without what is known to be secret."""
        return _redacted(text, self._search()) if self.known else redact_addresses(text)

    def line(self, text: str) -> str:
        """A line of a log: as text(), and without what follows a secret's name, as in `password=…`."""
        text = self.text(text)
        return _ASSIGNED.sub(_assigned, text) if "=" in text or ":" in text else text

    # --- Texts of JSON ---

    def texts(self, texts: Sequence[bytes]) -> Sequence[bytes]:
        """JSON texts with what is hidden replaced; the same bytes where nothing is.

        All are searched at once, for most hold nothing: a search through many costs a tenth of one through each.
        """
        if not texts:
            return texts
        search = self._search()
        joined = b" ".join(texts)
        hits = self._names_in(joined)
        if search is not None:
            hits += [start for start, _ in search.find(joined)]
        if _may_hold_address(joined):
            hits += [match.start() for match in _ADDRESS.finditer(joined)]
        if not hits:
            return texts
        ends = list(accumulate(len(text) + 1 for text in texts))
        redacted = list(texts)
        for index in {bisect_right(ends, hit) for hit in hits}:
            redacted[index] = self._hidden(texts[index], search)
        return redacted

    def known_out_of(self, text: bytes) -> bytes:
        """A JSON text, redacted by name already, without what is known to be secret, and without secret addresses."""
        search = self._search() if self.known else None
        if (search is not None and search.find(text)) or _may_hold_address(text):
            return self._hidden(text, search)
        return text

    def json(self, text: bytes) -> bytes:
        """A JSON text with what is hidden replaced."""
        return self.texts([text])[0]

    def _hidden(self, text: bytes, search: SecretSearch | None) -> bytes:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:  # damaged: who reads it says so
            return self.line(text.decode("utf-8", "replace")).encode()
        hidden = self._applied(value, search)
        return text if hidden == value else encode(hidden)

    def _names_in(self, text: bytes) -> list[int]:
        """Where keys begin to look like a secret's; more than there are, never fewer."""
        lower = text.translate(_LOWER)
        found = [
            start
            for _, start, end in name_search().find_matches_as_indexes(lower)
            if _KEY_END.match(text, end) is not None
        ]
        for key in self._marked_keys:
            start = lower.find(key)
            while start >= 0:
                found.append(start)
                start = lower.find(key, start + len(key))
        return found


_MAPPINGS = (dict, Mapping)  # to ask an abstract class takes long: plain dicts do not come to that
_CONTAINERS = (dict, list, tuple, Mapping)


def _secrets(redactor: Redactor, value: object) -> Iterator[object]:
    wait = [value]
    while wait:
        value = wait.pop()
        if isinstance(value, _MAPPINGS):
            for key, item in value.items():
                if redactor.rule(str(key), item) is not None:
                    yield item
                elif isinstance(item, _CONTAINERS):
                    wait.append(item)
        elif isinstance(value, list | tuple):
            wait += [item for item in value if isinstance(item, _CONTAINERS)]


def _leaves(value: object) -> Iterator[object]:
    wait = [value]
    while wait:
        value = wait.pop()
        if isinstance(value, Mapping):
            wait += value.values()
        elif isinstance(value, list | tuple):
            wait += value
        else:
            yield value


def _redacted(text: str, search: SecretSearch | None) -> str:
    if search is not None:
        data = text.encode("utf-8", "surrogatepass")
        found = search.find(data)
        if found:
            parts, at = [], 0
            for start, end in found:
                parts += [data[at:start], MASKED.encode()]
                at = end
            text = b"".join([*parts, data[at:]]).decode("utf-8", "surrogatepass")
    return redact_addresses(text)


def _redacted_key(key: object, search: SecretSearch | None) -> object:
    return _redacted(key, search) if isinstance(key, str) and search is not None else key


def redact_addresses(text: str) -> str:
    """The text without passwords of addresses in it, and without the values of their secret parameters."""
    if "@" in text and "://" in text:
        text = _USER_INFO.sub(rf"\1:{MASKED}@", text)
    if "=" in text and ("?" in text or "&" in text):
        text = _PARAMETER.sub(_parameter, text)
    return text


def _parameter(found: re.Match[str]) -> str:
    sign, name, _ = found.groups()
    return f"{sign}{name}={MASKED}" if is_secret_name(unquote_plus(name)) else found[0]


def _assigned(found: re.Match[str]) -> str:
    name, sign, _, value = found.groups()
    is_harmless = not is_secret_name(name) or value.lower() in ("true", "false", "none", "null")
    if is_harmless or (is_amount(name) and value.replace(".", "", 1).isdigit()):
        return found[0]
    return f"{name}{sign}{MASKED}"


def _may_hold_address(text: bytes) -> bool:
    return (b"@" in text and b"://" in text) or (b"=" in text and (b"?" in text or b"&" in text))
