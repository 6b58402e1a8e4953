"""Workflows made from data, in the admin site."""

import html
import json
from functools import partial
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from runs.catalog import definitions
from runs.catalog.definitions import check
from runs.forms.definition import EXAMPLE
from runs.models import Actor, AuditEntry, WorkflowDefinition
from tests.console_server import ROOT
from tests.refused_schemas import NAMES, no_request, refused_schema
from tests.web.run_logs import make_workflow

save = partial(definitions.save, actor=Actor("tests"))

LIST = "/admin/runs/workflowdefinition/"
ADD = f"{LIST}add/"
GREET = f"{LIST}greet/change/"


def greet(text: str = "Hello ${name}", **more: object) -> dict:
    values = {"template": {"value": text}, "values": {"initData": True, "path": "."}}
    return {
        "id": "greet",
        "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "outputSchema": {},
        "graph": [
            {"type": "mapping", "id": "words", "mapConfig": values},
            {"type": "tool", "id": "fill", "toolId": "text_template"},
        ],
    } | more


def typed(definition: object, **more: object) -> dict:
    text = definition if isinstance(definition, str) else json.dumps(definition, indent=2)
    return {"text": text, "enabled": "on"} | more


def stored() -> list[tuple[int, str]]:
    versions = WorkflowDefinition.objects.get(pk="greet").versions.order_by("number")
    return list(versions.values_list("number", "change"))


@pytest.fixture
def client(admin, client_for):
    return client_for(admin)


def test_a_pasted_definition_is_checked_drawn_and_saved(client, db):
    assert "Begin with an example" in client.get(ADD).content.decode()
    page = client.post(ADD, typed(greet()) | {"_check": "1"})
    assert page.status_code == 200
    assert "Can be saved" in page.content.decode()
    assert '<svg class="wf-graph"' in page.content.decode()
    assert not WorkflowDefinition.objects.exists()
    page = client.post(ADD, typed(greet()), follow=True)
    assert page.redirect_chain == [(GREET, 303)]
    assert "The workflow greet can be run." in page.content.decode()
    assert stored() == [(1, "First version")]
    assert list(AuditEntry.objects.values_list("verb", "object_id", "actor_label")) == [("create", "greet", "Ada")]


def test_the_examples_can_be_saved_as_they_are(db):
    text = (ROOT / "docs/definitions.md").read_text()
    shown = json.loads(text.split("```json\n")[1].split("```")[0])
    assert [check(example) for example in (shown, EXAMPLE)] == [[], []]


def test_an_uploaded_file_is_taken_instead_of_the_text(client, db):
    file = SimpleUploadedFile("greet.json", json.dumps(greet()).encode())
    client.post(ADD, typed("") | {"file": file})
    assert stored() == [(1, "First version")]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_not_utf_8_is_refused_with_its_byte_and_the_text_stays(client, db, encoding):
    text = json.dumps(greet(description="Größe prüfen"), ensure_ascii=False)
    byte = len(text.partition("ö")[0]) if encoding == "latin-1" else 0
    said = f"greet.json is not UTF-8 text, at byte {byte}. Save it as UTF-8, or paste its text."
    for address, name in ((ADD, "file"), (f"{LIST}import/", "files")):
        file = SimpleUploadedFile("greet.json", text.encode(encoding))
        page = client.post(address, typed("typed before") | {name: file})
        assert said in unescape(page.content.decode()), address
        assert "typed before" in page.content.decode()
    assert not WorkflowDefinition.objects.exists()


def test_what_is_wrong_is_told_at_its_path_and_line_and_the_text_comes_back(client, db):
    broken = greet(
        graph=[{"type": "tool", "id": "fill", "toolId": "nope"}, {"type": "sleep", "id": "nap", "duration": -1}]
    )
    page = client.post(ADD, typed(broken))
    text = page.content.decode()
    assert page.status_code == 422
    assert "<code>graph.0.toolId</code>" in text
    assert "<code>graph.1.duration</code>" in text
    line = json.dumps(broken, indent=2).splitlines().index('      "toolId": "nope"') + 1
    assert f'data-line="{line}"' in text
    assert "&quot;toolId&quot;: &quot;nope&quot;" in text
    assert not WorkflowDefinition.objects.exists()


KEYS = ("inputSchema", "outputSchema", "stateSchema", "requestContextSchema")


@pytest.mark.parametrize("name", NAMES)
def test_no_page_stores_a_schema_that_cannot_be_used_or_fetches_one(client, db, name):
    with no_request() as address:
        schema, pointer = refused_schema(name, address)
        for key in KEYS:
            text = json.dumps(greet(**{key: schema}))
            pages = [client.post(ADD, typed(text) | more) for more in ({}, {"_check": "1"})]
            pages += [client.post(f"{LIST}import/", {"text": text} | more) for more in ({}, {"_check": "1"})]
            assert all(f"<code>{key}" in page.content.decode() for page in pages)
            assert all(f"broken at {pointer}" in html.unescape(page.content.decode()) for page in pages)
    assert not WorkflowDefinition.objects.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "There is nothing to check."),
        ('{"id": "x",\n  oops}', "Line 2, column 3"),
        ("[]", "A definition is an object, not array."),
        ('{"id": NaN}', "This is not JSON."),
        ("[" * 150 + "]" * 150, "This is not JSON."),
        ('{"id": "a", "id": "b"}', "This is not JSON."),
    ],
)
def test_what_is_no_definition_is_refused_in_words(client, db, text, told):
    page = client.post(ADD, typed(text))
    assert page.status_code == 422
    assert told in page.content.decode()


def test_a_name_in_use_is_refused_for_a_new_definition(client, db):
    save(greet())
    page = client.post(ADD, typed(greet("Bye")))
    assert (page.status_code, "There is a definition greet already." in page.content.decode()) == (422, True)
    make_workflow("coded")
    page = client.post(ADD, typed(greet(id="coded")))
    assert "coded is a workflow of the code." in page.content.decode()
    assert stored() == [(1, "First version")]


def test_editing_makes_a_version_and_saving_unchanged_none(client, db):
    save(greet())
    page = client.get(GREET).content.decode()
    assert "&quot;toolId&quot;: &quot;text_template&quot;" in page
    page = client.post(GREET, typed(greet("Bye"), base="1", _check="1")).content.decode()
    assert "Can be saved: Changed words" in page
    page = client.post(GREET, typed(greet("Bye"), base="1"), follow=True).content.decode()
    assert "Version 2 of greet is stored." in page
    assert "Nothing was changed." in client.post(GREET, typed(greet("Bye"), base="2"), follow=True).content.decode()
    assert stored() == [(1, "First version"), (2, "Changed words")]


def test_the_settings_are_kept_and_written_down(client, db):
    save(greet())
    page = client.post(GREET, {"text": json.dumps(greet()), "base": "1", "concurrency": "3"}, follow=True)
    assert "The settings are stored." in page.content.decode()
    definition = WorkflowDefinition.objects.get(pk="greet")
    assert (definition.enabled, definition.concurrency) == (False, 3)
    assert AuditEntry.objects.get(verb="edit").after == {"enabled": False, "concurrency": 3}
    page = client.post(GREET, typed(greet(), base="1", concurrency="many"))
    assert (page.status_code, "Enter a whole number" in page.content.decode()) == (422, True)


def test_a_definition_keeps_its_name(client, db):
    save(greet())
    page = client.post(GREET, typed(greet(id="other"), base="1"))
    assert page.status_code == 422
    assert "This definition is called greet" in page.content.decode()


def test_who_saves_over_a_newer_version_is_told_first(client, db):
    save(greet())
    save(greet("Bye"), base=1)
    page = client.post(GREET, typed(greet("Mine"), base="1"))
    assert page.status_code == 409
    assert "saved version 2 meanwhile. Save again to put yours over it." in page.content.decode()
    assert 'name="base" value="2"' in page.content.decode()
    client.post(GREET, typed(greet("Mine"), base="2"))
    assert stored()[-1] == (3, "Changed words")


def test_a_definition_is_duplicated_under_a_free_name(client, db):
    save(greet())
    assert "&quot;id&quot;: &quot;greet-copy&quot;" in client.get(f"{ADD}?from=greet").content.decode()
    save(greet(id="greet-copy"))
    assert "&quot;id&quot;: &quot;greet-copy-2&quot;" in client.get(f"{ADD}?from=greet").content.decode()


def test_one_definition_is_exported_as_it_is_and_several_as_a_list(client, db):
    save(greet())
    save(greet("Bye"))
    save(greet(id="other"))
    make_workflow("coded")
    page = client.get(f"{LIST}greet/export/")
    assert (page.json(), page["Content-Disposition"]) == (greet("Bye"), 'attachment; filename="greet.json"')
    assert client.get(f"{LIST}greet/export/?version=1").json() == greet()
    assert client.get(f"{LIST}greet/export/?version=9").status_code == 404
    chosen = {"action": "export", "_selected_action": ["greet", "other", "coded"]}
    assert client.post(LIST, chosen).json() == [greet("Bye"), greet(id="other")]
    page = client.post(LIST, {"action": "export", "_selected_action": ["coded"]}, follow=True)
    assert "Not exported, as it is code: coded." in page.content.decode()


def test_several_are_imported_with_a_report_on_each(client, db):
    around = greet(id="around", graph=[{"type": "workflow", "id": "inner", "workflowId": "greet"}])
    files = [
        SimpleUploadedFile("two.json", json.dumps([around, greet()]).encode()),
        SimpleUploadedFile("broken.json", b"{"),
    ]
    data = {"text": json.dumps(greet(id="bad", graph=[])), "files": files}
    page = client.post(f"{LIST}import/", data | {"_check": "1"}).content.decode()
    assert "2 can be imported, 2 refused" in page
    assert not WorkflowDefinition.objects.exists()
    for file in files:
        file.seek(0)
    page = client.post(f"{LIST}import/", data).content.decode()
    assert "2 imported, 2 refused" in page
    for told in ("two.json, 1", "broken.json", "the text", "Workflow graph must contain at least one step."):
        assert told in page
    assert set(WorkflowDefinition.objects.values_list("pk", flat=True)) == {"around", "greet"}
    assert "&quot;bad&quot;" in page  # what was typed is still there
    again = client.post(
        f"{LIST}import/", {"text": json.dumps({"definitions": [greet("Bye"), around]})}
    ).content.decode()
    assert "Version</td>" not in again
    assert "2: Changed words" in again


def test_two_versions_are_compared_line_by_line(client, db):
    save(greet("Hello"))
    save(greet("Bye"))
    page = client.get(f"{LIST}greet/compare/").content.decode()
    assert "Versions 1 and 2 of greet" in page
    assert page.count('<tr class="is-added">') == page.count('<tr class="is-removed">') == 1
    assert "&quot;value&quot;: &quot;Bye&quot;" in page
    assert "One version is no two" in client.get(f"{LIST}greet/compare/?old=1&new=1").content.decode()
    assert client.get(f"{LIST}nobody/compare/").status_code == 404


def test_versions_of_code_are_compared_by_graph_and_schemas(client, db):
    workflow = make_workflow()
    version = workflow.current
    version.pk, version.number, version.content_hash, version.graph = None, 15, "a" * 64, version.graph[1:]
    version.save()
    page = client.get(f"{LIST}order-fulfilment/compare/").content.decode()
    assert "Of code, graph and schemas are compared." in page
    assert '<tr class="is-removed">' in page


def test_the_page_of_a_version_shows_its_definition_and_leads_to_the_difference(client, db):
    version = save(greet()).version
    page = client.get(f"/admin/runs/workflowversion/{version.pk}/change/").content.decode()
    assert "&quot;toolId&quot;: &quot;text_template&quot;" in page
    assert f'href="{LIST}greet/compare/?new=1"' in page


def test_the_steps_are_told_with_schemas_and_an_example(client, db):
    page = client.get(f"{LIST}steps/").content.decode()
    for told in (
        "http_request",
        "json_transform",
        "text_template",
        "approval",
        "log_line",
        "wait",
        "waits for an answer",
    ):
        assert told in page


def test_who_may_only_look_cannot_write(operator, client_for, db):
    save(greet())
    operator.is_staff = True
    operator.save()
    reader = client_for(operator)
    assert reader.get(f"{LIST}greet/export/").status_code == 200
    assert reader.get(f"{LIST}greet/compare/").status_code == 200
    page = reader.get(GREET).content.decode()
    assert 'name="_save"' not in page
    for address in (ADD, f"{LIST}import/"):
        assert reader.get(address).status_code == 403
        assert reader.post(address, typed(greet("Bye"))).status_code == 403
    assert reader.post(GREET, typed(greet("Bye"), base="1")).status_code == 403
    assert stored() == [(1, "First version")]


def test_no_name_of_a_definition_is_taken_for_markup(client, db):
    save(greet(id="<b>x", description="<i>d"))
    save(greet(id="<b>x", description="<u>d"))
    for path in ("", "%3Cb%3Ex/change/", "%3Cb%3Ex/compare/"):
        page = client.get(f"{LIST}{path}")
        assert page.status_code == 200
        assert "<b>x" not in page.content.decode()
        assert "<u>d" not in page.content.decode()
