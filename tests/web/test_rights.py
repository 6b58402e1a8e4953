"""What a person may do: granted by one statement, and not a moment longer than it is theirs."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.models import ApiToken
from runs.models.rights import RightsBackend


def again(user: User) -> User:
    """As the next request has it."""
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_rights_are_those_that_django_grants(request, role):
    user = request.getfixturevalue(role)
    user.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    found = RightsBackend().get_all_permissions(again(user))
    assert found == ModelBackend().get_all_permissions(again(user))
    assert "runs.view_auditentry" in found
    assert "runs.view_workflowrun" in found


def test_one_statement_tells_all_that_is_granted(operator):
    user = again(operator)
    with CaptureQueriesContext(connection) as queries:
        assert user.has_perm("runs.add_workflowrun")
        assert user.has_perm("runs.change_workflowrun")
    assert len(queries) == 1


def test_a_right_that_is_taken_is_gone_with_the_next_request(operator):
    assert again(operator).has_perm("runs.add_workflowrun")
    operator.groups.clear()
    assert not again(operator).has_perm("runs.add_workflowrun")


@pytest.mark.parametrize("path", ["/system/", "/metrics", "/inbox/", "/runs/", "/webhooks/", "/workflows/", "/steps/"])
def test_who_has_no_right_sees_no_page_and_no_way_to_it(client_for, viewer, operator, path):
    stranger = client_for(User.objects.create_user("sam"))
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "Your account" in answer.content.decode()
    assert f'href="{path}"' not in stranger.get("/").content.decode()
    assert client_for(operator).get(path).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"scopes": ["start"]}, 401),
        ({"workflows": ["text-stream"]}, 401),
        ({"revoked_at": timezone.now()}, 401),
        ({"expires_at": timezone.now()}, 401),
    ],
)
def test_figures_are_for_tokens_that_may_read_all(viewer, client, changes, status):
    token, text = ApiToken.objects.issue(name="prometheus", user=viewer, scopes=["read"])
    ApiToken.objects.filter(pk=token.pk).update(**changes)
    assert client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).status_code == status


def test_who_may_not_sign_in_has_no_right(operator):
    User.objects.filter(pk=operator.pk).update(is_active=False)
    assert not again(operator).has_perm("runs.view_workflowrun")
    assert RightsBackend().get_all_permissions(again(operator)) == set()
    assert RightsBackend().get_all_permissions(AnonymousUser()) == set()
