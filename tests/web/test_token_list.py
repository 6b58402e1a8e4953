"""The page of one's own tokens."""

import pytest
from django.utils import timezone

from runs.models import ApiToken, AuditEntry
from runs.models.api_token import Scope, digest_of

FORM = {"name": "nightly job", "scopes": ["read", "start"], "workflows": "", "days": "90"}


def made(response):
    """The text of the token that the page shows."""
    return response.context["made"][1]


def test_a_token_is_shown_once_and_kept_hashed(operator, client_for):
    client = client_for(operator)
    text = made(client.post("/me/tokens/", FORM))
    token = ApiToken.objects.get()
    assert token.digest == digest_of(text)
    assert text not in client.get("/me/tokens/").content.decode()
    assert ApiToken.objects.of_text(text) == token
    assert token.may(Scope.START)
    assert not token.may(Scope.ANSWER)
    assert AuditEntry.objects.get().object_type == "token"


def test_a_viewer_cannot_make_a_token_that_starts_runs(viewer, client_for):
    response = client_for(viewer).post("/me/tokens/", FORM)
    assert response.status_code == 422
    assert 'value="nightly job"' in response.content.decode()
    assert not ApiToken.objects.exists()


def test_an_unknown_workflow_is_told(operator, client_for):
    response = client_for(operator).post("/me/tokens/", FORM | {"workflows": "nope"})
    assert b"There is no workflow nope." in response.content


def test_a_revoked_token_is_worth_nothing(operator, viewer, client_for):
    client = client_for(operator)
    text = made(client.post("/me/tokens/", FORM))
    token = ApiToken.objects.get()
    assert client_for(viewer).post(f"/me/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/me/tokens/{token.pk}/revoke/")
    assert ApiToken.objects.of_text(text) is None
    assert b"nightly job" not in client.get("/me/tokens/").content


def test_a_token_ends_with_its_day_and_with_its_person(operator):
    _, text = ApiToken.objects.issue(name="a", user=operator, scopes=[Scope.READ], expires_at=timezone.now())
    assert ApiToken.objects.of_text(text) is None
    token, text = ApiToken.objects.issue(name="b", user=operator, scopes=[Scope.MANAGE])
    assert not token.may(Scope.MANAGE)
    operator.is_active = False
    operator.save()
    assert ApiToken.objects.of_text(text) is None


@pytest.mark.django_db
def test_the_environments_token_follows_the_environment():
    ApiToken.objects.keep_bootstrap("first-token-of-all")
    ApiToken.objects.keep_bootstrap("first-token-of-all")
    assert ApiToken.objects.of_text("first-token-of-all").scopes == ["read", "start", "answer"]
    ApiToken.objects.keep_bootstrap("second-token-of-all")
    assert ApiToken.objects.of_text("first-token-of-all") is None
    ApiToken.objects.keep_bootstrap(None)
    assert not ApiToken.objects.exists()
