"""From the caller's request over a restart to the last step: a collector, the stored spans and the result agree."""

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.otlp_receiver import attributes
from tests.postgresql import PostgresCluster, missing
from tests.web.form_page import FormPage

from .conftest import FLOWS, all_ended, program, stored

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
CALLER = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}
# run, parallel, left, its own, right, its own, inner's step, inner's run, inner_step, ask; again: run, ask, last
SPANS = 13


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The environment of a console on that database."""
    if request.param == "sqlite":
        yield {}
        return
    if reason := missing():
        pytest.fail(reason)
    cluster = PostgresCluster()
    yield {"DATABASE_URL": cluster.url}
    cluster.remove()


def test_a_collector_the_stored_spans_and_the_result_agree(receiver, database, new_console):
    console = new_console({**FLOWS, **database, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
    with program(console) as api:
        body = {"inputData": {"value": 1, "pin": "pin-4711"}, "tracingOptions": {"metadata": {"lot": "L-1"}}}
        result = api.post("/workflows/tour/start-async", params={"runId": "r-1"}, json=body, headers=CALLER).json()
        assert (result["status"], result["traceId"]) == ("suspended", TRACE_ID)
        stored(api, TRACE_ID, all_ended(10))
        console.restart()
        result = api.post("/workflows/tour/resume-async?runId=r-1", json={"resumeData": {"yes": True}}).json()
        assert (result["status"], result["traceId"]) == ("success", TRACE_ID)
        spans = {span["spanId"]: span for span in stored(api, TRACE_ID, all_ended(SPANS))}

        # The caller's span, the request, the run, its steps, what they trace themselves: one line of parents.
        arrived = receiver.wait_for(lambda sent: sum(span.trace_id.hex() == TRACE_ID for span in sent) == SPANS + 1)
        sent = {span.span_id.hex(): span for span in arrived if span.trace_id.hex() == TRACE_ID}
        (request,) = (span for span in sent.values() if span.name.startswith("POST"))
        assert request.parent_span_id.hex() == PARENT_ID
        assert sent.keys() - {request.span_id.hex()} == spans.keys()
        for span_id, span in spans.items():
            above = sent[span_id].parent_span_id.hex()
            assert (span["name"], span["parentSpanId"] or request.span_id.hex()) == (sent[span_id].name, above)
        by_name = {span["name"]: span for span in spans.values()}
        first, again = by_name["workflow run: 'tour'"], by_name["workflow run: 'tour' (resumed)"]
        assert (first["parentSpanId"], again["parentSpanId"]) == (None, first["spanId"])
        assert result["spanId"] == again["spanId"]
        assert by_name["ask the bank"]["parentSpanId"] == by_name["workflow step: 'left'"]["spanId"]
        assert by_name["count"]["parentSpanId"] == by_name["workflow step: 'right'"]["spanId"]
        assert by_name["workflow run: 'inner'"]["parentSpanId"] == by_name["workflow step: 'inner'"]["spanId"]
        assert by_name["workflow step: 'inner_step'"]["entityName"] == "inner"
        assert attributes(sent[first["spanId"]])["workflow.metadata"].count("L-1") == 1

        # No secret is stored, whoever wrote it where; the step itself had them.
        assert first["input"]["pin"] == "[masked: x-secret]"
        told = by_name["ask the bank"]["attributes"]
        assert (told["bank.country"], told["api_key"][:8], told["pin"][:8]) == ("DE", "[masked:", "[masked:")

    with console.client() as person:
        download = person.get(f"/traces/{TRACE_ID}/trace.json")
        assert download.headers["Content-Disposition"].endswith(f'"trace-{TRACE_ID}.json"')
        for secret in ("pin-4711", "k-123", "t-1"):
            assert secret not in download.text
        form = json_format.Parse(hex_to_base64(download.json()), ExportTraceServiceRequest())
        read = {span.span_id.hex(): span for scope in form.resource_spans[0].scope_spans for span in scope.spans}
        assert read.keys() == sent.keys()
        for span_id, span in read.items():
            assert span.parent_span_id == sent[span_id].parent_span_id
            assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
                sent[span_id].start_time_unix_nano,
                sent[span_id].end_time_unix_nano,
            )
        page = person.get("/runs/r-1/", params={"tab": "trace"}).text
        assert f"{SPANS + 1} spans" in page  # with the request


def hex_to_base64(form: dict[str, Any]) -> str:
    """OTLP's JSON has ids in hexadecimal, where protobuf's own has them in base64."""

    def change(value: Any) -> Any:
        if isinstance(value, list):
            return [change(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in ("traceId", "spanId", "parentSpanId")
            else change(item)
            for key, item in value.items()
        }

    return json.dumps(change(form))


def test_a_form_too_continues_the_callers_trace(traced):
    trace_id = "5" * 32
    with traced.client() as person, program(traced) as api:
        form = FormPage(person.get("/workflows/tour/start/").text).with_({"v:input/value": "1", "act": "start"})
        header = {"traceparent": f"00-{trace_id}-{PARENT_ID}-01"}
        answer = person.post("/workflows/tour/start/", data=form, headers=header, follow_redirects=False)
        assert answer.is_redirect, answer.text
        run_id = answer.headers["Location"].strip("/").split("/")[1]
        spans = stored(api, trace_id, all_ended(10))
        assert {span["runId"] for span in spans if span["entityName"] == "tour"} == {run_id}
        page = person.get(f"/traces/{trace_id}/").text
        assert "POST workflows/&lt;id:workflow_id&gt;/start/" in page
        found = person.get("/find/", params={"q": f"traceparent: {header['traceparent']}"}, follow_redirects=False)
        assert found.headers["Location"] == f"/runs/{run_id}/"


def test_a_caller_that_does_not_sample_gets_no_spans(traced):
    trace_id = "6" * 32
    with program(traced) as api, traced.client() as person:
        header = {"traceparent": f"00-{trace_id}-{PARENT_ID}-00"}
        result = api.post("/workflows/plain/start-async?runId=unseen", json={}, headers=header).json()
        assert (result["status"], result["traceId"]) == ("success", trace_id)  # by which the run is found
        later = api.post("/workflows/plain/start-async", json={}).json()
        stored(api, later["traceId"], all_ended(2))
        assert api.get(f"/observability/traces/{trace_id}").status_code == 404
        assert "was not sampled" in person.get("/runs/unseen/", params={"tab": "trace"}).text


def test_ids_of_the_caller_go_before_those_of_the_request(traced):
    with program(traced) as api:
        body = {"tracingOptions": {"traceId": "AbC", "parentSpanId": "7"}}
        result = api.post("/workflows/plain/start-async", json=body, headers=CALLER).json()
        assert result["traceId"] == "AbC"
        spans = stored(api, "AbC", all_ended(2))
        assert {span["traceId"] for span in spans} == {"AbC"}
        assert spans[0]["parentSpanId"] is None
        rows = api.get("/observability/traces", params={"traceId": "0abc"}).json()["spans"]
        assert [row["traceId"] for row in rows] == ["AbC"]
