"""The pages on webhooks: rights, refusals in words, and a secret that is shown once."""

import pytest

from runs.models import AuditEntry, Webhook, WebhookDelivery

FORM = {"name": "pager", "url": "https://example.org/hook", "events": ["failed"], "workflow": ""}


@pytest.fixture
def webhook(admin, client_for) -> Webhook:
    client_for(admin).post("/webhooks/", FORM)
    return Webhook.objects.get()


def test_a_secret_is_shown_once_and_is_not_in_the_database(admin, client_for):
    client = client_for(admin)
    assert b"Nobody is told" in client.get("/webhooks/").content
    page = client.post("/webhooks/", FORM).content.decode()
    webhook = Webhook.objects.get()
    assert webhook.secret in page
    assert webhook.secret.startswith("whsec_")
    assert webhook.salt not in webhook.secret
    for path in ("/webhooks/", f"/webhooks/{webhook.pk}/", f"/admin/runs/webhook/{webhook.pk}/change/"):
        assert webhook.secret not in client.get(path).content.decode()
    assert AuditEntry.objects.get().object_type == "webhook"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "ftp://example.org"}, b"Enter an address that begins with https://"),
        ({"url": "https://me:secret@example.org"}, b"Leave name and password out"),
        ({"url": "https://example.org:99999/"}, b"Enter an address"),
        ({"events": []}, b"Choose at least one status"),
        ({"name": ""}, b"Give it a name"),
        ({"workflow": "nope"}, b"There is no workflow nope."),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(admin, client_for, change, words):
    answer = client_for(admin).post("/webhooks/", FORM | {"name": "pager 7"} | change)
    assert answer.status_code == 422
    assert words in answer.content
    assert b"https://" in answer.content or "url" in change
    assert not Webhook.objects.exists()


def test_operators_look_and_viewers_do_not(webhook, operator, viewer, client_for):
    assert client_for(viewer).get("/webhooks/").status_code == 403
    client = client_for(operator)
    assert b"Administrators make and change webhooks." in client.get("/webhooks/").content
    assert b"Nothing was sent yet" in client.get(f"/webhooks/{webhook.pk}/").content
    assert client.post("/webhooks/", FORM).status_code == 403
    for act in ("test", "disable", "delete"):
        assert client.post(f"/webhooks/{webhook.pk}/{act}/").status_code == 403
    delivery = WebhookDelivery.objects.create(webhook=webhook, seq=0, event="test", created_at=0, next_at=0)
    assert client.post(f"/deliveries/{delivery.pk}/again/").status_code == 403


def test_a_delivery_that_was_given_up_begins_anew(webhook, admin, client_for):
    given_up = {"state": "given_up", "attempts": 9, "error": "Answered 500."}
    delivery = WebhookDelivery.objects.create(webhook=webhook, seq=0, event="test", created_at=0, next_at=0, **given_up)
    client = client_for(admin)
    assert b"Given up" in client.get(f"/webhooks/{webhook.pk}/").content
    client.post(f"/deliveries/{delivery.pk}/again/")
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("waiting", 0)
    assert client.post(f"/webhooks/{webhook.pk}/nonsense/").status_code == 404
    assert client.get("/admin/runs/webhookdelivery/").status_code == 200
    assert client.get("/admin/runs/webhook/").status_code == 200
