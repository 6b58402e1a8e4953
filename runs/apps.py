"""The application `runs`: everything that the console is."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class RunsConfig(AppConfig):
    name = "runs"
    verbose_name = "Workflow runs"

    def ready(self) -> None:
        post_migrate.connect(_make_roles, sender=self, dispatch_uid="runs.roles")


def _make_roles(**kwargs: object) -> None:
    from runs.models.role import ensure_roles  # not before the applications are loaded

    ensure_roles(apps)
