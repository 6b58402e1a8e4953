"""The page of a trace: every span in its place, quickly, and without scripts."""

import re
import time

import pytest
from django.contrib.auth.models import User

from runs.models import Span, SpanKind, SpanState
from tests.web.cards import make_cards
from tests.web.run_logs import make_workflow

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
BEGUN = 1_760_000_000_000_000_000
MS = 1_000_000


def span(number: int, parent: int | None, start: int, end: int | None, **more) -> Span:
    """A span of TRACE; times in milliseconds after its begin."""
    values = {"kind": SpanKind.STEP, "state": SpanState.ENDED, "is_root": False, "data": "{}", **more}
    values["name"] = values.get("name", f"workflow step: 's{number}'")
    return Span(
        trace_id=bytes.fromhex(TRACE),
        span_id=number,
        parent_id=parent,
        start_ns=BEGUN + start * MS,
        end_ns=None if end is None else BEGUN + end * MS,
        **values,
    )


def run_span(number: int, run_id: str, start: int, end: int | None, **more) -> Span:
    values = {"parent": None, "is_root": True, **more}
    name = f"workflow run: '{run_id}'"
    parent = values.pop("parent")
    return span(number, parent, start, end, kind=SpanKind.RUN, name=name, run_id=run_id, workflow_id="flow", **values)


@pytest.fixture
def client(viewer: User, client_for):
    return client_for(viewer)


@pytest.fixture
def story(db: None) -> None:
    """Two runs: one that was asked for 10 ms before, suspended and was resumed; one in which a step failed."""
    Span.objects.bulk_create(
        [
            run_span(1, "r-1", 10, 30, data=f'{{"queuedAt":{BEGUN // MS},"status":"suspended"}}'),
            span(2, 1, 11, 20, data='{"input":{"a":1},"output":{"b":"<b>"},"events":[[0,"e",{"pin":"4711"}]]}'),
            span(3, 1, 20, 30, data='{"status":"suspended"}'),
            run_span(
                4,
                "r-1",
                50,
                60,
                parent=1,
                is_root=False,
                data=f'{{"queuedAt":{BEGUN // MS + 45},"resumedFrom":"{1:016x}","status":"success"}}',
            ),
            run_span(5, "r-2", 5, 90, state=SpanState.FAILED, data='{"status":"failed"}'),
            span(6, 5, 6, 89, state=SpanState.FAILED, data='{"error":{"message":"it broke","stack":"at line 1"}}'),
            span(7, 6, 7, None, state=SpanState.OPEN, kind=SpanKind.GENERIC, name="still"),
        ]
    )


def rows(response) -> list[tuple[int, str, str]]:
    return [(row.depth, row.span.name, row.look) for row in response.context["waterfall"].rows]


def test_spans_stand_below_their_parents_with_the_time_in_the_queue_apart(client, story):
    response = client.get(f"/traces/{TRACE}/")
    assert rows(response) == [
        (0, "workflow run: 'r-2'", "failed"),
        (1, "workflow step: 's6'", "failed"),
        (2, "still", "canceled"),  # nothing has ended it, but its run has ended
        (0, "workflow run: 'r-1'", "success"),
        (1, "workflow step: 's2'", "success"),
        (1, "workflow step: 's3'", "success"),  # it was answered
        (1, "workflow run: 'r-1'", "success"),
    ]
    drawn = {row.span.id: row for row in response.context["waterfall"].rows}
    first, again = drawn[f"{1:016x}"], drawn[f"{4:016x}"]
    assert [bar.look for bar in first.bars] == ["wait", "success", "wait"]
    assert (first.queued, again.queued) == ("10 ms", "5.00 ms")
    text = response.content.decode()
    assert "1 error" in text
    assert "goes on" not in text
    assert "Open in" not in text
    assert not re.search(r"<(?:script|style)[^>]*>[^<]|style=|onclick", text)


def test_a_press_folds_what_is_below_and_another_one_unfolds_it(client, story):
    page = client.get(f"/traces/{TRACE}/").content.decode()
    assert f'href="?closed={5:016x}#s-{5:016x}" aria-label="Fold' in page
    folded = client.get(f"/traces/{TRACE}/", {"closed": f"{5:016x}"})
    assert [label for _, label, _ in rows(folded)][:2] == ["workflow run: 'r-2'", "workflow run: 'r-1'"]
    assert f'href="?closed=#s-{5:016x}" aria-label="Unfold' in folded.content.decode()


def test_a_chosen_span_tells_all_of_it_and_hides_what_is_secret(client, story):
    text = client.get(f"/traces/{TRACE}/", {"span": f"{2:016x}"}).content.decode()
    assert "9.00 ms" in text
    assert "&lt;b&gt;" in text
    assert "Events" in text
    failed = client.get(f"/traces/{TRACE}/", {"span": f"{6:016x}"}).content.decode()
    assert "it broke" in failed
    assert "at line 1" in failed
    part = client.get(f"/traces/{TRACE}/spans/{2:016x}/value/", {"of": "output", "at": "/b"})
    assert "&lt;b&gt;" in part.content.decode()
    download = client.get(f"/traces/{TRACE}/spans/{2:016x}/value/", {"of": "output", "download": "1"})
    assert download.json() == {"b": "<b>"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/traces/xyz/", "xyz is no trace id: that is 1 to 32 hexadecimal digits."),
        (f"/traces/{'1' * 33}/", "is no trace id"),
        (f"/traces/{'a' * 32}/", f"Nothing is stored of the trace {'a' * 32}."),
        (f"/traces/{'a' * 32}/trace.json", "Nothing is stored of the trace"),
        (f"/traces/{TRACE}/?span=77", "The trace has no span 77."),
        (f"/traces/{TRACE}/spans/77/value/?of=input", "The trace has no such value."),
        (f"/traces/{TRACE}/spans/{2:016x}/value/?of=nothing", "The trace has no such value."),
        (f"/traces/{TRACE}/spans/{2:016x}/value/?of=output&at=/nothing", "The value has nothing at this place."),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(client, story, path, words):
    response = client.get(path)
    assert response.status_code == 404
    assert words in response.content.decode()


def test_a_run_without_spans_says_why(client, db):
    workflow = make_workflow("flow")
    make_cards(workflow, 1, prefix="bare", trace_id="")
    make_cards(workflow, 1, prefix="sampled", trace_id="b" * 32)
    assert "Tracing was switched off" in client.get("/runs/bare-000000/?tab=trace").content.decode()
    assert "was not sampled, or its spans were deleted" in (
        client.get("/runs/sampled-000000/?tab=trace").content.decode()
    )
    page = client.get(f"/traces/{'b' * 32}/")
    assert page.status_code == 200
    assert "No span is stored of this trace" in page.content.decode()


def test_a_person_without_a_role_sees_no_trace(client_for, django_user_model, story):
    nobody = client_for(django_user_model.objects.create_user("nobody"))
    for path in (f"/traces/{TRACE}/", f"/traces/{TRACE}/trace.json", f"/traces/{TRACE}/spans/2/value/?of=input"):
        assert nobody.get(path).status_code == 403


def test_buttons_lead_to_the_trace_in_other_programs(client, story, settings):
    settings.TRACE_LINKS = {"Jaeger": "https://j.example/trace/{trace_id}?from={start_ms}&r={run_id}"}
    text = client.get(f"/traces/{TRACE}/").content.decode()
    begun = (BEGUN + 5 * MS) // MS
    assert f'href="https://j.example/trace/{TRACE}?from={begun}&amp;r=r-2"' in text


def test_a_span_that_nothing_ended_ends_with_its_run_and_nothing_polls(client, db):
    open_span = {"state": SpanState.OPEN, "kind": SpanKind.GENERIC, "name": "never ended"}
    Span.objects.bulk_create([run_span(1, "r-1", 0, 30), span(2, 1, 1, 29), span(3, 2, 2, None, **open_span)])
    page = client.get(f"/traces/{TRACE}/?span={3:016x}")
    text = page.content.decode()
    assert "30 ms" in page.context["note"]
    assert "goes on" not in text
    assert "hx-trigger" not in text.partition("<main")[2].partition("</main>")[0]
    assert page.context["again"] == ""
    assert "Never ended" in text
    download = client.get(f"/traces/{TRACE}/trace.json").content.decode()
    assert '"endTimeUnixNano":"0"' not in download.replace(" ", "")


def test_a_span_is_open_while_its_run_goes_on(client, db):
    open_span = {"state": SpanState.OPEN, "kind": SpanKind.GENERIC, "name": "open"}
    Span.objects.bulk_create([run_span(1, "r-1", 0, None, state=SpanState.OPEN), span(2, 1, 1, None, **open_span)])
    assert "goes on" in client.get(f"/traces/{TRACE}/").context["note"]


def test_a_circle_of_parents_is_drawn_once(client, db):
    Span.objects.bulk_create([span(1, 2, 0, 5), span(2, 1, 1, 4), span(3, 3, 2, 3)])
    assert len(rows(client.get(f"/traces/{TRACE}/"))) == 3


def test_two_thousand_spans_are_drawn_within_300_ms(client, db):
    spans = [run_span(1, "r-1", 0, 4_000)]
    for number in range(2, 2_001):
        parent = 1 if number % 20 == 2 else number - number % 20 + 2 if number % 20 > 2 else 1
        data = f'{{"input":{{"n":{number}}},"output":{{"n":{number}}},"status":"success"}}'
        spans.append(span(number, parent, number, number + 30, data=data))
    Span.objects.bulk_create(spans)
    client.get(f"/traces/{TRACE}/")  # templates are read once
    spent = []
    for _ in range(3):  # of the processor: others use this machine as well
        began = time.process_time()
        response = client.get(f"/traces/{TRACE}/")
        spent.append(time.process_time() - began)
    assert len(rows(response)) == 2_000
    assert min(spent) < 0.3
