"""The filter of the history: one line of text that equals the URL, read and written by one class.

status:failed,tripwire -tag:nightly meta:order=7 workflow:order-fulfilment who:mara started>-24h "card declined"
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan
from django.http import QueryDict
from django.utils import timezone

from runs.engine.log.results import RunStatus
from runs.models import RunLabel, RunTag
from runs.models.run import trace_number
from runs.models.run_walk import RunWalk, no_conditions

from .trace_ids import TRACE_ID_DIGITS, read_trace_id

# A word, or a key with its value; either may be quoted to hold spaces.
TOKEN = re.compile(r'(-?)(?:(status|workflow|tag|meta|who|trace):|(started)([<>]))?("(?:[^"\\]|\\.)*"|\S+)')
# A word that must be quoted to stay one.
LIKE_A_TERM = re.compile(r"-|(status|workflow|tag|meta|who|trace):|started[<>]")
SPAN = re.compile(r"^-(\d{1,6})(m|h|d)$")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
MOST_CHARACTERS = 500
MOST_TERMS = 20
STATUSES = [status.value for status in RunStatus]
# Parameters of a URL that are conditions of their own: what links and the menus' forms send.
PLAIN = {"status": "status", "workflow": "workflow", "tag": "tag", "not_tag": "tag", "meta": "meta", "who": "who"}
PLAIN |= {"trace": "trace"}
TIMES = {"since": "started>", "from": "started>", "to": "started<"}
SEVERAL = {"status", "workflow"}  # keys whose value may be a list with commas: any of them


@dataclass(frozen=True)
class Term:
    """One condition: a key, whether it excludes, and its value as typed."""

    # status, workflow, tag, meta (a key of the trace's metadata, or key=value), who, trace, started>, started<, or ""
    # for a free word
    key: str
    value: str
    excludes: bool = False

    @property
    def text(self) -> str:
        value = self.value
        if not value or re.search(r'[\s"]', value) or (not self.key and LIKE_A_TERM.match(value)):
            value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        colon = ":" if self.key and not self.key.startswith("started") else ""
        return f"{'-' if self.excludes else ''}{self.key}{colon}{value}"

    @property
    def name(self) -> str:
        """What the condition is about, for its chip."""
        words = {"started>": "started after", "started<": "started before", "": "text", "meta": "metadata"}
        word = words.get(self.key, self.key)
        if self.key == "started>" and SPAN.match(self.value):
            word = "started"
        return f"not {word}" if self.excludes else word

    @property
    def shown(self) -> str:
        span = SPAN.match(self.value) if self.key == "started>" else None
        if span:
            return f"last {span[1]} {'min' if span[2] == 'm' else span[2]}"
        return " or ".join(_several(self))


@dataclass(frozen=True)
class RunFilter:
    """Conditions on runs, all of which must hold. `problems`: sentences about what could not be read."""

    terms: tuple[Term, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, query: QueryDict) -> "RunFilter":
        """The filter of a URL: the text `q`, and plain parameters that links and the form without scripts use."""
        terms: list[Term] = []
        problems: list[str] = []
        text = query.get("q", "").strip()
        if len(text) > MOST_CHARACTERS:
            problems.append(f"The filter has {len(text)} characters. Shorten it to {MOST_CHARACTERS}.")
            text = ""
        for sign, key, started, direction, value in TOKEN.findall(text):
            terms.append(Term(key or started + direction, _unquoted(value), bool(sign and (key or started))))
            if sign and not (key or started):
                terms[-1] = Term("", sign + _unquoted(value))
        terms.extend(_plain_terms(query))
        kept = []
        for term in list(dict.fromkeys(terms))[:MOST_TERMS]:
            problem = _problem(term)
            if problem:
                problems.append(problem)
            else:
                kept.append(term)
        return cls(tuple(kept), tuple(problems))

    @property
    def text(self) -> str:
        return " ".join(term.text for term in self.terms)

    @property
    def query(self) -> str:
        """The filter as the query of a URL, without the question mark; empty when there is none."""
        return urlencode({"q": self.text}) if self.terms else ""

    def without(self, term: Term) -> "RunFilter":
        return replace(self, terms=tuple(other for other in self.terms if other != term))

    def without_key(self, key: str) -> "RunFilter":
        """The filter without its positive conditions on a key."""
        return replace(self, terms=tuple(term for term in self.terms if term.excludes or term.key != key))

    def values(self, key: str) -> list[str]:
        """What a key must have, one of them if there are several."""
        found = [term for term in self.terms if term.key == key and not term.excludes]
        return [value for term in found for value in _several(term)]

    def walk(self) -> RunWalk:
        """The way through the runs that the filter lets through."""
        along: dict[str, Term] = {}  # the first positive condition of a kind leads the walk, the rest are looked at
        rest: list[Term] = []
        for term in self.terms:
            if term.key in ("tag", "meta", "status", "workflow") and not term.excludes and term.key not in along:
                along[term.key] = term
            else:
                rest.append(term)
        if "tag" in along and "meta" in along:
            rest.append(along.pop("meta"))
        people = {term: _person(term.value) for term in rest if term.key == "who"}

        def conditions(at: str) -> Q:
            met = Q()
            for term in rest:
                condition = _condition(term, at, people)
                met &= ~condition if term.excludes else condition
            return met

        return RunWalk(
            tag=along["tag"].value if "tag" in along else "",
            label=along["meta"].value if "meta" in along else "",
            statuses=_several(along["status"]) if "status" in along else (),
            workflows=_several(along["workflow"]) if "workflow" in along else (),
            conditions=conditions if rest else no_conditions,
        )


def _several(term: Term) -> list[str]:
    return list(dict.fromkeys(term.value.split(","))) if term.key in SEVERAL else [term.value]


def has_plain_terms(query: QueryDict) -> bool:
    return any(query.get(key) for key in (*PLAIN, *TIMES))


def _plain_terms(query: QueryDict) -> list[Term]:
    terms: list[Term] = []
    for name, key in PLAIN.items():
        values = [value.strip() for value in query.getlist(name) if value.strip()]
        if key in SEVERAL and values:
            values = [",".join(values)]
        terms.extend(Term(key, value, excludes=name == "not_tag") for value in values)
    for name, key in TIMES.items():
        if moment := query.get(name, ""):
            terms.append(Term(key, "-" + moment.lstrip("-") if name == "since" else moment))
    return terms


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _problem(term: Term) -> str:
    """What is wrong with a term, as a sentence; empty when nothing is."""
    if "\x00" in term.value:
        return "The filter holds a NUL character, which no run has. Remove it."
    if not term.value:
        return f"“{term.key}” has no value. Write {term.key}:name, or remove it."
    if term.key == "status":
        unknown = [word for word in term.value.split(",") if word not in STATUSES]
        if unknown:
            return f"There is no status “{unknown[0]}”. The statuses are {', '.join(STATUSES)}."
    if term.key.startswith("started") and _moment(term.value) is None:
        return f"“{term.value}” is not a time. Write -24h, -30m, -7d, 2026-11-22 or 2026-11-22T13:00."
    return ""


def _moment(value: str) -> datetime | None:
    span = SPAN.match(value)
    try:
        if span:
            return timezone.now() - timedelta(**{UNITS[span[2]]: int(span[1])})
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _person(name: str) -> int | None:
    return get_user_model().objects.filter(username=name).values_list("pk", flat=True).first()


def _condition(term: Term, at: str, people: Mapping[Term, int | None]) -> Q:
    """A condition on the columns of a run. `at`: the way to them, "" or "run__"."""
    value = term.value
    match term.key:
        case "status" | "workflow":
            column = "status" if term.key == "status" else "workflow_id"
            return Q(**{f"{at}{column}__in": _several(term)})
        case "tag":
            # Asked of each run that the walk meets: a list of all runs with the tag might be long.
            return Q(Exists(RunTag.objects.filter(run_id=OuterRef("run_id" if at else "pk"), tag=value)))
        case "meta":
            return Q(Exists(RunLabel.objects.filter(run_id=OuterRef("run_id" if at else "pk"), label=value)))
        case "who":
            person = people[term]
            return Q(**{f"{at}actor_id": person}) if person else Q(**{f"{at}actor_label": value})
        case "trace":
            return _trace_condition(value, f"{at}trace_id")
        # The walk's own column, so that it starts and ends where the time does.
        case "started>":
            return Q(created_at__gte=_moment(value))
        case "started<":
            return Q(created_at__lt=_moment(value))
    columns = {"id__startswith": value, "id__endswith": value, "trace_id__istartswith": value}
    columns |= {"workflow__id__icontains": value, "detail__icontains": value}
    found = Q()
    for lookup, wanted in columns.items():
        found |= Q(**{at + lookup: wanted})
    return found


def _trace_condition(value: str, column: str) -> Q:
    """The whole id in any spelling, or its beginning. As a range, which the index answers; a LIKE would read all."""
    digits = read_trace_id(value) or value.lower()
    number = digits.lstrip("0")
    if len(digits) >= TRACE_ID_DIGITS:
        return Q(Exact(trace_number(column), Value(number)))
    beginning = Q(GreaterThanOrEqual(trace_number(column), Value(number)))
    beginning &= Q(LessThan(trace_number(column), Value(number + "g")))  # beyond all digits
    if number == digits:
        return beginning
    return Q(Exact(trace_number(column), Value(number))) | beginning & Q(**{f"{column}__istartswith": digits})
