"""Statements that are written once must ask and store what the models would."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.models import Actor, ApiToken, AuditEntry, WorkflowRun
from runs.models.prepared import Insertion, Prepared


@pytest.fixture
def token(operator) -> tuple[ApiToken, str]:
    scopes, workflows = ["read", "start"], ["quick", "it's"]
    return ApiToken.objects.issue(name="night's", user=operator, scopes=scopes, workflows=workflows)


def test_the_rows_are_those_of_the_models(token):
    columns = ["name", "scopes", "workflows", "created_at", "expires_at", "user__username"]
    ask = Prepared(lambda name: ApiToken.objects.filter(name=name).values_list(*columns), models.CharField())
    for _ in range(2):
        assert ask("night's") == list(ApiToken.objects.filter(name="night's").values_list(*columns))
        assert ask("%s") == []


def test_a_value_is_taken_as_its_field_takes_it(token):
    ask = Prepared(lambda at: ApiToken.objects.filter(created_at__lte=at).values_list("pk"), models.DateTimeField())
    made = ApiToken.objects.get().created_at
    assert ask(made) == [(token[0].pk,)]
    assert ask(made - timedelta(microseconds=1)) == []


def test_a_token_brings_its_owner_and_what_it_may(token, operator):
    made, text = token
    found = ApiToken.objects.of_text(text)
    assert found == made
    assert (found.scopes, found.workflows, found.created_at) == (made.scopes, made.workflows, made.created_at)
    assert found.user == operator
    columns = ("id", "username", "is_active", "is_superuser")
    assert [getattr(found.user, name) for name in columns] == [getattr(operator, name) for name in columns]
    assert found.may("start")
    assert not found.may("manage")
    assert found.user.get_full_name() == operator.get_full_name()  # read when it is asked for


@pytest.mark.parametrize("end", ["revoke", "expire", "leave"])
def test_a_token_is_worthless_from_the_next_request_on(token, operator, end):
    made, text = token
    assert ApiToken.objects.of_text(text) is not None
    if end == "revoke":
        made.revoke()
    elif end == "expire":
        ApiToken.objects.update(expires_at=timezone.now())
    else:
        type(operator).objects.update(is_active=False)
    assert ApiToken.objects.of_text(text) is None


def test_the_use_of_a_token_is_noted_once_a_minute(token):
    made, text = token
    ApiToken.objects.of_text(text)
    made.refresh_from_db()
    noted = made.last_used_at
    assert timezone.now() - noted < timedelta(minutes=1)
    ApiToken.objects.of_text(text)
    made.refresh_from_db()
    assert made.last_used_at == noted


def test_a_row_is_stored_as_the_model_stores_it(operator):
    values = {"actor": operator, "actor_label": "Olaf's", "verb": "start", "object_type": "run", "object_id": "7"}
    values |= {"after": {"tags": ["a%s", "ü"], "number": 1.5}, "address": "::1"}
    began = timezone.now()
    AuditEntry(**values).save()
    Insertion(AuditEntry)(AuditEntry(**values))
    saved, inserted = AuditEntry.objects.order_by("pk").values()
    assert {name for name in saved if saved[name] != inserted[name]} == {"id", "at"}
    assert began <= inserted["at"] <= timezone.now()


def test_a_row_that_is_there_already_is_refused(start):
    run = start("quick", {"value": 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        WorkflowRun.objects.insert(WorkflowRun(id=run.pk, workflow_id="quick", version_id=run.version_id))


def test_a_stored_row_can_be_changed_and_saved(start):
    run = start("quick", {"value": 1})
    run.detail = "changed"
    run.save()
    assert WorkflowRun.objects.get().detail == "changed"


@pytest.mark.parametrize(("owned", "most"), [(False, 7), (True, 9)])
def test_a_start_asks_the_database_little(workflows, operator, owned, most):
    """Without an owner: who asks, the workflow; in a transaction the run, its event and the audit."""
    token, text = ApiToken.objects.issue(name="x", user=operator if owned else None, scopes=["start"])
    ApiToken.objects.update(last_used_at=timezone.now())
    client = Client(headers={"Authorization": f"Bearer {text}"})
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(
                "/api/workflows/quick/start-async", {"inputData": {"value": 1}}, content_type="application/json"
            )
        assert answer.status_code == 200
    asked = [query["sql"] for query in queries]
    assert len(asked) <= most, asked
    entry = AuditEntry.objects.latest("pk")
    run = WorkflowRun.objects.latest("created_at")
    assert (entry.object_id, entry.actor_label) == (run.pk, Actor(run.actor_label).label)
    assert run.actor == token.user
    assert run.created_at <= datetime.now(UTC)
