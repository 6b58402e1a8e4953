import json
from datetime import UTC, datetime

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from runs.engine import Workflow
from runs.engine.data.request_context import RequestContext
from runs.engine.trace.tracing import (
    NO_SPAN,
    EntryInfo,
    InvalidTracing,
    TraceLink,
    Tracing,
    TracingContext,
    TracingOptions,
    forced_trace_id,
    step_error_info,
)


class Ids(RandomIdGenerator):
    def generate_trace_id(self):
        return forced_trace_id.get() or super().generate_trace_id()

    def is_trace_id_random(self):
        return forced_trace_id.get() is None


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter):
    provider = TracerProvider(id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider.get_tracer("test"), request_context_keys=["tenant"])


def spans(exporter):
    return {span.name: span for span in exporter.get_finished_spans()}


def attribute(span, key):
    text = span.attributes.get(f"workflow.{key}")
    return None if text is None else json.loads(text)


def start(tracing, **more):
    return tracing.start_run(workflow_id="wf", run_id="run-1", **more)


def test_the_callers_trace_id_is_shown_as_given_and_exported_padded(tracing, exporter):
    run = start(tracing, options={"traceId": "ABC", "parentSpanId": "F0"})
    run.step("a").end(status="success")
    run.end(status="success")
    assert run.trace_id == "ABC"
    exported = spans(exporter)["workflow run: 'wf'"]
    assert exported.context.trace_id == 0xABC
    assert exported.parent.span_id == 0xF0
    assert exported.attributes["workflow.external_parent_span_id"] == "F0"
    assert spans(exporter)["workflow step: 'a'"].context.trace_id == 0xABC


def test_a_trace_id_alone_makes_a_root_span_of_that_trace(tracing, exporter):
    start(tracing, options={"traceId": "0af7651916cd43dd8448eb211c80319c"}).end()
    (span,) = exporter.get_finished_spans()
    assert (span.context.trace_id, span.parent) == (0x0AF7651916CD43DD8448EB211C80319C, None)


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ({"traceId": "0" * 33}, f'must be 1-32 hexadecimal characters, got "{"0" * 33}". Generating new trace ID.'),
        ({"traceId": "0" * 32}, "must not be all zeros"),
        ({"parentSpanId": "ghi"}, 'must be 1-16 hexadecimal characters, got "ghi". Ignoring.'),
    ],
)
def test_the_engine_replaces_or_ignores_ids_that_cannot_be_used_and_warns(tracing, caplog, options, warning):
    run = start(tracing, options=options)
    assert len(run.trace_id) == 32
    assert run.otel.parent is None
    assert warning in caplog.text


def test_metadata_is_inherited_and_the_context_wins_on_step_spans_only(tracing, exporter):
    context = RequestContext({"tenant": "from context", "user": {"id": 5}})
    options = {"metadata": {"tenant": "from options"}, "requestContextKeys": ["user.id"], "tags": ["t", "t"]}
    run = start(tracing, resource_id="res", request_context=context, options=options)
    run.parallel(["a", "b"]).end()
    run.step("a").end()
    run.end()
    root, step = spans(exporter)["workflow run: 'wf'"], spans(exporter)["workflow step: 'a'"]
    assert attribute(root, "metadata") == {
        "tenant": "from options",
        "user": {"id": 5},
        "runId": "run-1",
        "resourceId": "res",
    }
    assert attribute(step, "metadata")["tenant"] == "from context"
    assert root.attributes["workflow.tags"] == ("t", "t")
    assert "workflow.tags" not in step.attributes
    assert attribute(step, "request_context") == {"tenant": "from context", "user": {"id": 5}}
    assert attribute(spans(exporter)["parallel: '2 branches'"], "request_context") is None


def test_the_tree_has_the_references_names_types_and_attributes(tracing, exporter):
    run = start(tracing)
    entry = EntryInfo("checks", "all of them", {"lane": 3})
    run.parallel(["a", "b"], 1, entry=entry).end()
    run.conditional(2).end(attributes={"truthyIndexes": [0], "selectedSteps": ["a"]})
    run.condition(0).end(output=True, attributes={"result": True})
    run.loop("foreach", [1], concurrency=2).end(output=[2])
    run.loop_condition("dountil").end(output=False)
    run.sleep("nap", 5, dynamic=False).end()
    run.sleep_until("until", datetime(2026, 1, 2, tzinfo=UTC), 5, dynamic=False).end()
    run.sleep("later", None, dynamic=True).end(attributes={"durationMs": 3})
    run.nested_run("inner", "run-1", 1, resumed_from="abc").end()
    found = spans(exporter)
    assert attribute(found["parallel: 'checks'"], "attributes") == {
        "branchCount": 2,
        "parallelSteps": ["a", "b"],
        "entryId": "checks",
        "entryDescription": "all of them",
        "entryMetadata": {"lane": 3},
    }
    assert found["conditional: '2 conditions'"].attributes["workflow.span.type"] == "workflow_conditional"
    assert attribute(found["condition '0'"], "attributes") == {"conditionIndex": 0, "result": True}
    assert attribute(found["loop: 'foreach'"], "attributes") == {"loopType": "foreach", "concurrency": 2}
    assert attribute(found["condition: 'dountil'"], "output") is False
    assert attribute(found["sleep: 5ms"], "attributes") == {"durationMs": 5, "sleepType": "fixed", "entryId": "nap"}
    assert (
        attribute(found["sleepUntil: 2026-01-02T00:00:00.000Z"], "attributes")["untilDate"]
        == "2026-01-02T00:00:00.000Z"
    )
    assert attribute(found["sleep: dynamic"], "attributes")["durationMs"] == 3
    inner = found["workflow run: 'inner' (resumed)"]
    assert inner.attributes["workflow.entity.id"] == "inner"
    assert attribute(inner, "metadata")["resumedFromSpanId"] == "abc"


def test_payloads_are_cut_in_depth_and_length_and_hidden_on_request(tracing, exporter):
    deep = value = {}
    for _ in range(12):
        value["x"] = value = {}
    start(tracing, input={"deep": deep, "list": list(range(300))}).end(output="o" * 200_000)
    start(tracing, input=1, options={"hideInput": True, "hideOutput": True}).end(output=2)
    first, second = exporter.get_finished_spans()
    assert "[MaxDepth]" in first.attributes["workflow.input"]
    assert attribute(first, "input")["list"][-1] == "[…250 more items]"
    assert attribute(first, "output").endswith("…[truncated]")
    assert "workflow.input" not in second.attributes
    assert "workflow.output" not in second.attributes


def test_secrets_are_hidden_in_all_that_spans_show(tracing, exporter):
    marked = {"type": "object", "properties": {"pin": {"type": "string", "x-secret": True}}}
    workflow = Workflow(id="wf", input=marked).map({"a": {"value": 1}}).commit()
    hiding = Tracing(tracing._tracer, redactor=workflow.redactor)
    context = RequestContext({"apiKey": "k-1", "tenant": "t"})
    run = start(hiding, input={"pin": "1234", "lines": [{"pin": "5678"}]}, request_context=context)
    run.end(output={"password": "geheim", "n": 1})
    (span,) = exporter.get_finished_spans()
    shown = " ".join(str(value) for value in span.attributes.values())
    assert not any(secret in shown for secret in ("1234", "5678", "k-1", "geheim"))
    assert attribute(span, "request_context")["tenant"] == "t"
    assert attribute(span, "output")["n"] == 1


def test_a_failed_step_is_an_error_in_every_backend(tracing, exporter):
    run = start(tracing)
    run.step("b").fail(step_error_info("wf", "run-1", "b", "boom", "Traceback"), status="failed")
    (span,) = exporter.get_finished_spans()
    assert attribute(span, "error")["details"]["stepId"] == "workflow.wf.step.b"
    assert (span.status.is_ok, span.status.description) == (False, "boom")
    assert span.events[0].attributes["exception.message"] == "boom"
    assert span.attributes["workflow.status"] == "failed"


def test_a_cancel_ends_every_open_span_the_latest_first(tracing, exporter):
    run = start(tracing)
    block = run.parallel(["a", "b"])
    block.step("a").end(status="success")
    block.step("b")
    run.cancel_open()
    run.end(status="success")
    ended = [(span.name, span.attributes.get("workflow.status")) for span in exporter.get_finished_spans()]
    assert ended[1:] == [
        ("workflow step: 'b'", "canceled"),
        ("parallel: '2 branches'", "canceled"),
        ("workflow run: 'wf'", "canceled"),
    ]


def test_a_resumed_run_continues_its_trace_below_the_suspended_span(tracing, exporter):
    first = start(tracing, options={"traceId": "ABC"})
    first.end(status="suspended")
    link = TraceLink(first.trace_id, first.span_id)
    again = start(tracing, resumed=link)
    assert again.trace_id == "ABC"
    assert again.otel.parent.span_id == int(first.span_id, 16)
    other = start(tracing, resumed=link, options={"traceId": "1"})
    assert (other.trace_id, other.otel.parent) == ("1", None)
    assert other.metadata["resumedFromSpanId"] == first.span_id


def test_below_a_span_of_the_caller_the_run_joins_its_trace(tracing, exporter):
    outer = tracing.start_span("outer")
    run = start(tracing, tracing_context=TracingContext(outer), options={"traceId": "ABC", "metadata": {"m": 1}})
    assert run.trace_id == outer.trace_id
    assert run.otel.parent.span_id == int(outer.span_id, 16)
    assert run.metadata == {"runId": "run-1", "m": 1}
    below = start(tracing, tracing_context=TracingContext(outer.otel))
    assert below.trace_id == outer.trace_id


def test_without_a_recorder_there_are_no_ids_and_nothing_fails():
    assert start(Tracing(None)) is NO_SPAN
    assert NO_SPAN.step("a").parallel(["b"]).trace_id is None
    sampled_out = start(Tracing(TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("x")))
    assert (sampled_out.trace_id, sampled_out.span_id) == (None, "no-op")
    with sampled_out.step("a").use():
        sampled_out.end(status="success", output=1)


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({"traceId": "0" * 33}, "traceId", "1 to 32 hexadecimal characters; this one has 33"),
        ({"trace_id": "xyz"}, "traceId", "hexadecimal characters only"),
        ({"traceId": "000"}, "traceId", "zeros only"),
        ({"parentSpanId": "a" * 17}, "parentSpanId", "1 to 16"),
        ({"tags": ["a", 1]}, "tags.1", "valid string"),
        ({"tags": "a"}, "tags", "valid list"),
        ({"requestContextKeys": ["a", None]}, "requestContextKeys.1", "valid string"),
        ({"metadata": []}, "metadata", "valid dictionary"),
        ({"metadata": {1: "one"}}, "metadata.1", "valid strings"),
        ({"root_span_name": 7}, "rootSpanName", "valid string"),
        ({"hideInput": 1}, "hideInput", "valid boolean"),
    ],
)
def test_form_and_api_refuse_what_the_engine_would_replace(options, field, words):
    with pytest.raises(InvalidTracing) as caught:
        TracingOptions.strict(options)
    assert caught.value.field == field
    assert words in caught.value.message


def test_options_that_a_program_makes_are_checked_too():
    with pytest.raises(InvalidTracing, match="tags"):
        TracingOptions(tags="checkout")  # type: ignore[arg-type]
    made = TracingOptions(trace_id="a", tags=["x"], hide_output=True)
    assert made.to_json() == {"traceId": "a", "tags": ["x"], "hideOutput": True}
    assert TracingOptions.strict(made) == TracingOptions.strict(made.to_json()) == made


def test_options_keep_only_what_they_say(caplog):
    assert TracingOptions.lenient({"tags": "x", "trace_id": "a", "unknown": 1}).to_json() == {"traceId": "a"}
    assert "Invalid tags" in caplog.text
    assert TracingOptions.strict(None).to_json() == {}
