"""A trace is found by whatever a person has of it: an id or its beginning, a header, an address, metadata."""

from urllib.parse import quote

import pytest

from runs.forms.trace_ids import ids_in_address
from runs.models import RunLabel, Span, SpanKind, WorkflowRun
from runs.models.run_label import labels_of
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "a" * 31 + "1"
PANES = f'{{"q7k":{{"datasource":"tempo","queries":[{{"query":"{TRACE}","queryType":"traceql"}}]}}}}'
HEADER = f"00-{TRACE}-00f067aa0ba902b7-01"
ADDRESSES = [
    f"http://localhost:16686/trace/{TRACE}",
    f"https://jaeger.example.org/trace/{TRACE.upper()}?uiFind=charge_card",
    f"https://grafana.example.org/explore?schemaVersion=1&panes={quote(PANES)}&orgId=1",
    f"https://app.datadoghq.com/apm/trace/{TRACE}?start=1760000000000&end=1760000001000",
    f"https://tempo.example.org/api/traces/{TRACE}",
]


@pytest.fixture
def client(viewer, client_for, db):
    workflow = make_workflow("flow")
    make_cards(workflow, 1, prefix="mine", trace_id=TRACE)
    make_cards(workflow, 3, prefix="other")
    return client_for(viewer)


@pytest.mark.parametrize(
    "typed",
    [
        TRACE,
        TRACE.upper(),
        f"00-{TRACE}-00f067aa0ba902b7-01",
        f"traceparent: 00-{TRACE}-00f067aa0ba902b7-00",
        f"trace_id={TRACE}",
        f'"traceId": "{TRACE}"',
        f"'{TRACE}'",
        f"0x{TRACE}",
        f"{TRACE[:8]}-{TRACE[8:12]}-{TRACE[12:16]}-{TRACE[16:20]}-{TRACE[20:]}",
        f"X-Amzn-Trace-Id: Root=1-{TRACE[:8]}-{TRACE[8:]};Sampled=1",
        f"b3: {TRACE}-00f067aa0ba902b7-1",
        f"uber-trace-id: {TRACE}:00f067aa0ba902b7:0:1",
        *ADDRESSES,
    ],
)
def test_the_search_box_leads_to_the_run_of_the_trace(client, typed):
    assert client.get("/find/", {"q": typed}).url == "/runs/mine-000000/"


def test_a_page_of_this_console_leads_there(client):
    assert client.get("/find/", {"q": "http://testserver/runs/other-000001/?tab=trace"}).url == "/runs/other-000001/"
    assert client.get("/find/", {"q": "http://testserver//evil.example/"}).url.startswith("/runs/?")


def test_an_address_without_a_known_trace_leads_to_the_history_that_says_so(client):
    url = client.get("/find/", {"q": f"http://localhost:16686/trace/{'b' * 32}"}).url
    assert url == f"/runs/?q=trace%3A{'b' * 32}"
    assert ids_in_address(f"trace/{TRACE}") == []
    assert ids_in_address(f"https://a/{'0' * 32}") == []


def test_a_trace_of_which_only_spans_are_left_has_its_page(client):
    Span.objects.create(
        trace_id=bytes.fromhex(OTHER),
        span_id=1,
        kind=SpanKind.RUN,
        state=0,
        is_root=True,
        name="n",
        start_ns=1,
        end_ns=2,
    )
    assert client.get("/find/", {"q": OTHER}).url == f"/traces/{OTHER}/"


def test_the_history_is_filtered_by_the_beginning_of_a_trace_id(client):
    found = client.get("/runs/", {"q": f"trace:{TRACE[:6]}"}).context["page"].rows
    assert [row.run.pk for row in found] == ["mine-000000"]


@pytest.mark.parametrize("stored", ["00ab12cd", "ab12cd", "AB12CD", "Ab12cD", "ab12cd".rjust(32, "0")])
@pytest.mark.parametrize("typed", ["00ab12cd", "ab12cd", "AB12CD", "ab12cd".rjust(16, "0"), "ab12cd".rjust(32, "0")])
def test_every_spelling_of_a_trace_id_finds_each_other(client, stored, typed):
    make_cards(make_workflow("short"), 1, prefix="short", trace_id=stored)
    assert client.get("/find/", {"q": typed}).url == "/runs/short-000000/"
    for value in (typed, f'"trace_id={typed}"'):
        found = client.get("/runs/", {"q": f"trace:{value}"}).context["page"].rows
        assert [row.run.pk for row in found] == ["short-000000"]


def test_the_filter_reads_what_backends_print_and_its_index_answers(client):
    uuid = f"{TRACE[:8]}-{TRACE[8:12]}-{TRACE[12:16]}-{TRACE[16:20]}-{TRACE[20:]}"
    for typed in (uuid, TRACE.upper(), TRACE[:9].upper(), f"0x{TRACE}"):
        found = client.get("/runs/", {"q": f"trace:{typed}"}).context["page"].rows
        assert [row.run.pk for row in found] == ["mine-000000"], typed
    assert "run_by_trace" in WorkflowRun.objects.of_trace(TRACE).explain()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("meta:lot", {"mine-000000", "other-000000"}),
        ("meta:lot=L-1", {"mine-000000"}),
        ('meta:"user.name=Mara Lind"', {"mine-000000"}),
        ("meta:user.id=5", {"mine-000000"}),
        ("meta:lot -meta:lot=L-1", {"other-000000"}),
        ("meta:lot status:success trace:4bf9", {"mine-000000"}),
        ("meta:nothing", set()),
    ],
)
def test_the_history_is_filtered_by_metadata(client, query, found):
    from runs.models import WorkflowRun

    metadata = {"mine-000000": {"lot": "L-1", "user": {"id": 5, "name": "Mara Lind"}}, "other-000000": {"lot": "L-2"}}
    for run in WorkflowRun.objects.filter(pk__in=metadata):
        RunLabel.objects.attach(run.pk, run.created_at, metadata[run.pk])
    response = client.get("/runs/", {"q": query})
    assert {row.run.pk for row in response.context["page"].rows} == found
    if found:
        assert "metadata" in response.content.decode()


def test_labels_are_plain_values_and_their_paths():
    labels = list(labels_of({"a": {"b": True, "c": None, "l": [1]}, "n": 1.5, "long": "x" * 300, "nul": "\x00"}))
    assert labels == ["a.b", "a.b=true", "a.c", "a.c=null", "a.l", "a", "n", "n=1.5", "long", "nul"]
