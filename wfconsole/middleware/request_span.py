"""A span for each request that may start a run: it continues the caller's trace, and the run continues it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from opentelemetry import propagate, trace

tracer = trace.get_tracer("wfconsole.requests")


class RequestSpan:
    """Honours `traceparent`. Only POST starts runs; of the spans made here only those are stored that did.

    With a collector, Django's own instrumentation makes a span for every request, and this one makes none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST" or trace.get_current_span().get_span_context().is_valid:
            return self._get_response(request)
        parent = propagate.extract({name.lower(): value for name, value in request.headers.items()})
        attributes = {"http.request.method": "POST", "url.path": request.path}
        with tracer.start_as_current_span("POST", parent, trace.SpanKind.SERVER, attributes) as span:
            response = self._get_response(request)
            match = request.resolver_match
            if match is not None:
                span.update_name(f"POST {match.route}")
                span.set_attribute("http.route", match.route)
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(trace.StatusCode.ERROR)
            return response
