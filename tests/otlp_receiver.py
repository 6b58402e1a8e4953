"""A collector of spans: a real OTLP/HTTP receiver in a thread of the test."""

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.local_server import LocalServer


class OtlpReceiver:
    """Keeps every span that it is sent. `answer_seconds` makes it slow."""

    def __init__(self, answer_seconds: float = 0) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        self.requests = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests += 1
                time.sleep(answer_seconds)
                receiver._take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = LocalServer(Handler)
        self.url = self._server.url

    def _take(self, path: str, body: bytes) -> None:
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for attribute in resource.resource.attributes:
                if attribute.key == "service.name":
                    self.services.add(attribute.value.string_value)
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def wait_for(self, condition: Callable[[list[Any]], bool], seconds: float = 10) -> list[Any]:
        """The spans, once they fulfil the condition."""
        deadline = time.monotonic() + seconds
        while not condition(self.spans):
            assert time.monotonic() < deadline, f"Only these came: {[span.name for span in self.spans]}"
            time.sleep(0.02)
        return self.spans

    def close(self) -> None:
        self._server.close()


def attributes(span: Any) -> dict[str, str]:
    """A span's attributes that are text."""
    return {attribute.key: attribute.value.string_value for attribute in span.attributes}
