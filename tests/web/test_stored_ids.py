"""Ids that an earlier release has stored against the rule of today: they break no page, and can be taken away."""

import pytest
from django.contrib.admin.utils import quote
from django.urls import URLPattern, reverse

from runs import urls
from runs.engine.graph.ids import from_address, is_address_id, to_address
from runs.models import AuditEntry, RunEvent, WorkflowDefinition, WorkflowRun, WorkflowVersion
from tests.web.run_logs import begun, make_workflow

BAD = ["team/etl", "..", ".", "/", "a\\b", "a\nb", "a\u202eb", "a\tb", " ", "a/start", "?/#"]
ORDINARY = ["a", "~2f", "~", "%2F", "a b&c=1", "...", "?", "#", "été", "_2F"]
READING = {  # what the addresses beside the ids are filled with, and what they answer
    "workflow_switch": 405,
    "run_cancel": 405,
    "run_watch": 405,
    "run_from_step": 409,  # there is no code to start from
}


@pytest.fixture
def client(client_for, admin):
    return client_for(admin)


@pytest.mark.parametrize("text", [*BAD, *ORDINARY])
def test_an_address_names_one_id_and_each_id_has_an_address(text):
    part = to_address(text)
    assert from_address(part) == text
    assert "/" not in part
    assert part not in ("", ".", "..")
    if text in ORDINARY and not text.startswith("~"):
        assert part == text


def stored(bad: str) -> WorkflowRun:
    """A workflow and a run of it that have both this id, and a good run of the same workflow."""
    workflow = make_workflow(bad)
    begun(workflow, "good").store("failed", ended=9000)
    return begun(workflow, bad).store("success", ended=9000)


def pages(bad: str) -> list[tuple[str, int]]:
    """Every page of the console that a name leads to, with this id wherever one belongs."""
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        wanted = set(pattern.pattern.converters)
        if wanted <= {"workflow_id", "run_id"} and pattern.name not in ("sign_in", "sign_out", "preference"):
            address = reverse(pattern.name, kwargs=dict.fromkeys(wanted, bad))
            found.append((address, READING.get(pattern.name, 200)))
    return found


@pytest.mark.parametrize("bad", BAD)
def test_no_page_breaks_by_a_stored_id_and_each_is_reached(client, bad):
    assert not is_address_id(bad)
    stored(bad)
    asked = [*pages(bad), (reverse("run_value", args=[bad]) + "?of=input", 200)]
    for address, status in asked:
        if address.endswith(("/value/", "/find/", "/readyz", "/metrics")):
            continue  # these ask for more than an id
        assert client.get(address).status_code in (status, 302), address
    detail = client.get(reverse("run_detail", args=[bad]))
    assert detail.context["run"].pk == bad
    for model, key in (("workflowdefinition", bad), ("workflowrun", bad), ("runtag", None), ("workflowversion", None)):
        assert client.get(f"/admin/runs/{model}/").status_code == 200
        if key is not None:
            assert client.get(reverse(f"admin:runs_{model}_change", args=[quote(key)])).status_code == 200


@pytest.mark.parametrize("bad", BAD)
def test_what_is_stored_against_the_rule_can_be_deleted_in_the_admin_site(client, bad):
    stored(bad)
    workflow = reverse("admin:runs_workflowdefinition_delete", args=[quote(bad)])
    page = client.post(workflow, {"post": "yes"})
    assert WorkflowDefinition.objects.filter(pk=bad).exists()  # its runs come first, and are named
    assert "good" in page.content.decode()
    for run_id in (bad, "good"):
        address = reverse("admin:runs_workflowrun_delete", args=[quote(run_id)])
        assert client.get(address).status_code == 200
        assert client.post(address, {"post": "yes"}).status_code == 302
    assert client.post(workflow, {"post": "yes"}).status_code == 302
    for model in (WorkflowRun, RunEvent, WorkflowVersion, WorkflowDefinition):
        assert not model.objects.exists()
    assert AuditEntry.objects.filter(verb="delete").count() == 3


def test_what_keeps_to_the_rule_is_not_deleted_there(client):
    stored("good-one")
    for model in ("workflowdefinition", "workflowrun"):
        address = reverse(f"admin:runs_{model}_delete", args=["good-one"])
        assert client.post(address, {"post": "yes"}).status_code == 403
    assert WorkflowRun.objects.count() == 2
