"""The filter of the history: one line of text that equals the URL, read and written by one class.

status:failed,tripwire -tag:nightly workflow:order-fulfilment who:mara started>-24h "card declined"
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from runs.engine.results import RunStatus
from runs.models import RunTag
from runs.models.run import WorkflowRunQuerySet

# A word, or a key with its value; either may be quoted to hold spaces.
TOKEN = re.compile(r'(-?)(?:(status|workflow|tag|who|trace):|(started)([<>]))?("(?:[^"\\]|\\.)*"|\S+)')
SPAN = re.compile(r"^-(\d{1,6})(m|h|d)$")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
MOST_CHARACTERS = 500
STATUSES = [status.value for status in RunStatus]


@dataclass(frozen=True)
class Term:
    """One condition: a key, whether it excludes, and its value as typed."""

    key: str  # status, workflow, tag, who, trace, started>, started<, or "" for a free word
    value: str
    excludes: bool = False

    @property
    def text(self) -> str:
        value = self.value
        if not value or re.search(r'[\s"]', value):
            value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        colon = ":" if self.key and not self.key.startswith("started") else ""
        return f"{'-' if self.excludes else ''}{self.key}{colon}{value}"

    @property
    def name(self) -> str:
        """What the condition is about, for its chip."""
        word = {"started>": "started after", "started<": "started before", "": "text"}.get(self.key, self.key)
        if self.key == "started>" and SPAN.match(self.value):
            word = "started"
        return f"not {word}" if self.excludes else word

    @property
    def shown(self) -> str:
        span = SPAN.match(self.value) if self.key == "started>" else None
        return f"last {span[1]} {'min' if span[2] == 'm' else span[2]}" if span else self.value.replace(",", " or ")


@dataclass(frozen=True)
class RunFilter:
    """Conditions on runs, all of which must hold. `problems`: sentences about what could not be read."""

    terms: tuple[Term, ...] = ()
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "RunFilter":
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
        for key in ("status", "workflow", "tag", "who", "trace"):
            values = query.getlist(key) if hasattr(query, "getlist") else [query.get(key, "")]
            values = [value for value in values if value]
            if key == "status" and values:
                values = [",".join(values)]
            terms.extend(Term(key, value) for value in values)
        if query.get("since"):
            terms.append(Term("started>", "-" + query["since"].lstrip("-")))
        kept = []
        for term in dict.fromkeys(terms):
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

    def has(self, key: str) -> bool:
        return any(term.key == key for term in self.terms)

    def apply(self, runs: WorkflowRunQuerySet) -> WorkflowRunQuerySet:
        for term in self.terms:
            condition = _condition(term)
            runs = runs.exclude(condition) if term.excludes else runs.filter(condition)
        return runs


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _problem(term: Term) -> str:
    """What is wrong with a term, as a sentence; empty when nothing is."""
    if "\x00" in term.value:
        return "The filter holds a NUL character, which no run has. Remove it."
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
    return moment if timezone.is_aware(moment) else moment.replace(tzinfo=UTC)


def _condition(term: Term) -> Q:
    value = term.value
    match term.key:
        case "status":
            return Q(status__in=value.split(","))
        case "workflow":
            return Q(workflow_id=value)
        case "tag":
            return Q(pk__in=RunTag.objects.filter(tag=value).values("run_id"))
        case "who":
            person = get_user_model().objects.filter(username=value).values_list("pk", flat=True).first()
            return Q(actor_id=person) if person else Q(actor_label=value)
        case "trace":
            return Q(trace_id__startswith=value.lower()) | Q(trace_id__startswith=value)
        case "started>":
            return Q(created_at__gte=_moment(value))
        case "started<":
            return Q(created_at__lt=_moment(value))
        case _:
            return (
                Q(pk__startswith=value)
                | Q(pk__endswith=value)
                | Q(trace_id__startswith=value.lower())
                | Q(workflow__id__icontains=value)
                | Q(detail__icontains=value)
            )
