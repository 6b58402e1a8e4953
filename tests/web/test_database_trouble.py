"""A database that takes no writes: a sentence and the right status everywhere, and nothing that was typed is lost."""

import pytest
from django.conf import settings
from django.db import connection

from runs.models import WorkflowRun
from tests.registered import register_workflows
from tests.web.test_run_start import TEXT, page_of
from tests.web.test_run_start_refusals import refused

pytestmark = pytest.mark.skipif(settings.ON_POSTGRESQL, reason="of SQLite's file")


@pytest.fixture
def client(transactional_db, operator, client_for):
    register_workflows()
    return client_for(operator)


@pytest.fixture
def start_of_text(client):
    client.post(TEXT, page_of(client.get(TEXT)).with_({"v:input/text": "a"}))
    return WorkflowRun.objects.get()


@pytest.fixture
def read_only(client):
    """SQLite's own refusal, as for a file without the permission to write."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
        yield
        cursor.execute("PRAGMA query_only = 0")


@pytest.fixture
def full(client):
    """SQLite's own "database or disk is full"."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no page is free
        cursor.execute("PRAGMA max_page_count = 1")  # as many as it has: no page more
        yield
        cursor.execute("PRAGMA max_page_count = 1073741823")


def test_the_start_form_keeps_what_was_typed_while_the_database_is_read_only(client, read_only):
    (line,) = refused(client, TEXT, {"v:input/text": "a long story", "tags": "eu", "priority": "7"}, status=503)
    assert "The database is read-only." in line


def test_the_start_form_keeps_what_was_typed_while_the_disk_is_full(client, full):
    typed = "x" * 900_000  # more than the pages that are free
    page = page_of(client.get(TEXT))
    answer = client.post(TEXT, page.with_({"v:input/text": typed}))
    assert answer.status_code == 507
    assert answer.headers["Retry-After"]
    assert "The disk of the database is full." in answer.content.decode()
    assert typed in answer.content.decode()
    assert not WorkflowRun.objects.exists()


def test_other_pages_and_programs_get_a_sentence(client, start_of_text, read_only):
    answer = client.post(f"/runs/{start_of_text.pk}/cancel/", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "The database is read-only." in answer.content.decode()
    answer = client.post(f"/runs/{start_of_text.pk}/cancel/", headers={"Accept": "application/json"})
    assert (answer.status_code, "read-only" in answer.json()["error"]) == (503, True)
