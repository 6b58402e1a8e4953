"""Signing in and out, and what a role may do."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client


@pytest.fixture
def mara(db, django_user_model):
    return django_user_model.objects.create_user("mara", password="correct-horse-1")


def test_the_right_password_leads_to_where_one_wanted_to_go(mara):
    response = Client().post(
        "/sign-in/?next=/runs/", {"username": "mara", "password": "correct-horse-1", "next": "/runs/"}
    )
    assert response.headers["Location"] == "/runs/"


def test_a_wrong_password_gets_one_sentence_and_keeps_the_name(mara):
    text = Client().post("/sign-in/", {"username": "mara", "password": "wrong"}).content.decode()
    assert "Name and password do not belong together" in text
    assert 'value="mara"' in text


def test_nobody_is_led_to_another_site(mara):
    response = Client().post(
        "/sign-in/", {"username": "mara", "password": "correct-horse-1", "next": "https://evil.example/"}
    )
    assert response.headers["Location"] == "/"


def test_ten_wrong_passwords_close_the_name_for_a_while(mara):
    client = Client()
    for _ in range(10):
        response = client.post("/sign-in/", {"username": "mara", "password": "wrong"})
    assert response.status_code == 429
    assert b"Too many attempts" in response.content
    assert client.post("/sign-in/", {"username": "mara", "password": "correct-horse-1"}).status_code == 429


def test_signing_out_needs_a_form_and_ends_the_session(mara):
    client = Client()
    client.force_login(mara, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/sign-out/").status_code == 405
    client.post("/sign-out/")
    assert client.get("/runs/").status_code == 302


def test_the_theme_is_kept_in_a_cookie_and_rendered(viewer, client_for):
    client = client_for(viewer)
    client.post("/preference/", {"theme": "dark", "next": "/runs/"})
    assert b'data-bs-theme="dark"' in client.get("/runs/").content
    assert client.post("/preference/", {"theme": "pink", "next": "//evil.example"}).headers["Location"] == "/"


def test_the_roles_hold_the_rights_that_their_names_promise(db):
    def rights(name):
        return set(Group.objects.get(name=name).permissions.values_list("codename", flat=True))

    assert "add_workflowrun" not in rights("viewer")
    assert {"add_workflowrun", "change_workflowrun"} <= rights("operator")
    assert "change_workflowdefinition" not in rights("operator")
    assert {"change_workflowdefinition", "add_user"} <= rights("admin")
