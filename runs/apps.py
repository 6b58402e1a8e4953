"""The application `runs`: everything that the console is."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.urls import register_converter
from django.urls.converters import StringConverter

from runs.engine.graph.ids import from_address, to_address


class IdConverter(StringConverter):
    """The id of a workflow or a run in an address: any id, also one that a rule of today would refuse."""

    def to_python(self, value: str) -> str:
        return from_address(value)

    def to_url(self, value: object) -> str:
        return to_address(str(value))


class RunsConfig(AppConfig):
    name = "runs"
    verbose_name = "Workflow runs"

    def ready(self) -> None:
        register_converter(IdConverter, "id")
        post_migrate.connect(_make_roles, sender=self, dispatch_uid="runs.roles")


def _make_roles(**kwargs: object) -> None:
    from runs.models.role import ensure_roles  # not before the applications are loaded

    ensure_roles(apps)
