"""The console's figures for Prometheus: read on request, so that they cost nothing between two requests."""

import secrets
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from runs.executor import dispatch
from runs.models import ApiToken, WorkflowRun
from runs.models.api_token import Scope
from runs.models.run import ACTIVE_STATUSES
from runs.tracing.figures import span_figures

from .access import SEE

# Counting stops here: a figure beyond it means "very many", and an exact count is not worth its cost.
MOST_COUNTED = 10_000


@require_safe
@never_cache
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text form, for people who may see runs, API tokens that may, and WFCONSOLE_METRICS_TOKEN.

    An address proves nothing here: behind a proxy on this machine every request comes from 127.0.0.1.
    """
    if not (request.user.has_perm(SEE) or _shows_token(request)):
        if request.user.is_authenticated:
            raise PermissionDenied("Your account may not see the console's figures.")
        return HttpResponse(
            "Sign in, or send Authorization: Bearer with WFCONSOLE_METRICS_TOKEN or an API token that may read.\n",
            status=401,
            content_type="text/plain; charset=utf-8",
            headers={"WWW-Authenticate": "Bearer"},
        )
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(ConsoleCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    if scheme.lower() != "bearer" or not token:
        return False
    if expected and secrets.compare_digest(token.encode(errors="replace"), expected.encode()):
        return True
    known = ApiToken.objects.of_text(token.strip())
    return known is not None and known.may(Scope.READ) and not known.workflows


class ConsoleCollector:
    """The console's own figures."""

    def collect(self) -> Iterator[Metric]:
        yield from self._executor()
        yield self._active_runs()
        yield from self._spans()
        size = GaugeMetricFamily("wfconsole_database_bytes", "Size of the database.")
        size.add_metric([], database_bytes())
        yield size

    def _executor(self) -> Iterator[Metric]:
        state = dispatch.executor_state()
        figures = {
            "up": ("Whether runs are executed now.", float(state.alive)),
            "workers": ("Processes that execute runs.", state.workers),
            "running": ("Runs that are being executed.", state.running),
            "queued": ("Runs that wait to start.", state.queued),
            "oldest_queued_seconds": ("Age of the run that waits longest to start.", state.oldest_queued_seconds or 0),
        }
        for name, (words, value) in figures.items():
            gauge = GaugeMetricFamily(f"wfconsole_executor_{name}", words, labels=["kind"])
            gauge.add_metric([state.kind], value)
            yield gauge

    def _spans(self) -> Iterator[Metric]:
        spans = span_figures()
        counts = {
            "stored": ("Spans that were stored.", spans.stored),
            "dropped": ("Spans that were not stored, for the database took none.", spans.dropped),
            "sent": ("Spans that a collector took.", spans.sent),
            "unsent": ("Spans that a collector did not take.", spans.unsent),
        }
        for name, (words, value) in counts.items():
            yield CounterMetricFamily(f"wfconsole_spans_{name}", words, value=value)
        yield GaugeMetricFamily("wfconsole_spans_waiting", "Spans that wait to be stored.", value=spans.waiting)

    def _active_runs(self) -> Metric:
        gauge = GaugeMetricFamily(
            "wfconsole_runs", f"Runs that have not ended, by status; at most {MOST_COUNTED}.", labels=["status"]
        )
        for status in ACTIVE_STATUSES:
            gauge.add_metric([status], WorkflowRun.objects.filter(status=status)[:MOST_COUNTED].count())
        return gauge


def database_bytes() -> int:
    """What the database takes on disk, the write-ahead log included."""
    if settings.ON_POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = Path(connection.settings_dict["NAME"])
    return sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*"))
