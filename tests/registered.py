"""The workflows of WFCONSOLE_WORKFLOWS as a console finds them in its database, without the work of finding out."""

from django.conf import settings
from django.db import transaction

from runs.catalog.registry import register_versions
from runs.models import WorkflowDefinition, WorkflowVersion

_known: dict[tuple[str, ...], tuple[list[WorkflowDefinition], list[WorkflowVersion]]] = {}


def register_workflows() -> None:
    """What `register_versions()` leaves in a database without workflows; at the first call it does so itself."""
    known = _known.get(tuple(settings.WORKFLOW_MODULES))
    if known is None:
        register_versions()
        found = list(WorkflowDefinition.objects.all()), list(WorkflowVersion.objects.all())
        _known[tuple(settings.WORKFLOW_MODULES)] = found
        return
    with transaction.atomic():
        WorkflowDefinition.objects.bulk_create(known[0])
        WorkflowVersion.objects.bulk_create(known[1])
