"""An answer that takes as long as a run ends when its caller may no longer read."""

import asyncio
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from runs.api import streaming
from runs.api.auth import Caller
from runs.models import ApiToken, WorkflowDefinition, WorkflowRun, WorkflowVersion
from runs.store.redaction import redactor_for
from tests.live.conftest import LiveRun

TOKEN_LOSSES = {
    "revoked": lambda token: token.revoke(),
    "expired": lambda token: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
    "its owner deactivated": lambda token: User.objects.update(is_active=False),
    "its owner without rights": lambda token: token.user.groups.clear(),
    "deleted": lambda token: token.delete(),
}
PERSON_LOSSES = {
    "deactivated": lambda person: User.objects.update(is_active=False),
    "removed from the group": lambda person: person.groups.clear(),
    "deleted": lambda person: User.objects.all().delete(),
}


@pytest.mark.parametrize("loss", TOKEN_LOSSES)
def test_a_token_that_is_no_longer_good_may_not_read_on(viewer, loss):
    token, _ = ApiToken.objects.issue(name="reader", user=viewer, scopes=["read"])
    caller = Caller(viewer, token, None)
    assert caller.may_still_read()
    TOKEN_LOSSES[loss](token)
    assert not caller.may_still_read()


@pytest.mark.parametrize("loss", PERSON_LOSSES)
def test_a_person_without_the_right_may_not_read_on(viewer, loss):
    caller = Caller(viewer, None, None)
    assert caller.may_still_read()
    PERSON_LOSSES[loss](viewer)
    assert not caller.may_still_read()


@pytest.mark.django_db(transaction=True)
async def test_the_streams_of_a_caller_who_may_no_longer_read_end(monkeypatch, viewer):
    monkeypatch.setattr(streaming, "ACCESS_SECONDS", 0)
    monkeypatch.setattr(streaming, "POLL_SECONDS", 0.01)
    request = HttpRequest()
    request.caller = Caller(None, None, None)  # nobody: the right is gone
    run, redactor = await asyncio.to_thread(_running)
    access = streaming.Access(request)
    reader = streaming.RecordReader(run.pk, run.workflow_id, stays_open=False)
    async with asyncio.timeout(10):
        assert [text async for text in streaming._result(access, run, redactor)] == [
            b'{"error":"Invalid or expired token"}'
        ]
        assert [record async for record in streaming._records(access, run, reader, redactor, 1) if record]


def _running():
    definition = WorkflowDefinition.objects.create(id="endless", origin="code")
    version = WorkflowVersion.objects.create(definition=definition, number=1, content_hash="0" * 64)
    run = WorkflowRun.objects.create(id="endless", workflow=definition, version=version, status="running")
    LiveRun(run).chunks(3)
    run.refresh_from_db()
    return run, redactor_for(run)
