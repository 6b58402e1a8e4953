"""`manage.py ensure_admin`: an administrator for a database that has none."""

import secrets

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

ADMIN_NAME = "admin"


class Command(BaseCommand):
    help = "Make the first administrator, with WFCONSOLE_ADMIN_PASSWORD or a random password. Does nothing later."

    def handle(self, **options: object) -> None:
        password = ensure_admin()
        if password is not None:
            self.stdout.write(f"Made {ADMIN_NAME} with the password {password}")
        elif settings.ENV.wfconsole_admin_password:
            self.stdout.write(f"{ADMIN_NAME} has the password in WFCONSOLE_ADMIN_PASSWORD")
        else:
            self.stdout.write("There is an administrator already")


def ensure_admin() -> str | None:
    """Make an administrator if there is none. Returns its new random password, or None.

    WFCONSOLE_ADMIN_PASSWORD counts for the first start alone: who changes the password on the page keeps the change.
    """
    users = get_user_model()._default_manager
    if users.filter(is_superuser=True).exists():
        return None
    given = settings.ENV.wfconsole_admin_password
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(ADMIN_NAME, password=password)
    return None if given else password
