"""Whether this server has the code that a run goes on with, and what to say and to do where it does not.

A run that has ended is read without its code. One that waits, sleeps or is queued needs it: pages, lists, the inbox and
the API say so before anybody answers, in the sentence that is made here.
"""

from collections.abc import Collection

from runs.engine.definition.definition import InvalidDefinition
from runs.engine.errors import InvalidWorkflow
from runs.engine.graph.version_hash import step_ids
from runs.models import WorkflowVersion

from .registry import built, content_hash, graph_of, ready_made, registry, runnable

MOST_NAMES = 3  # steps that a sentence lists


def missing_code(version: WorkflowVersion, *, has_ended: bool = False) -> str:
    """Why runs of this version cannot go on here, and what helps; empty: they can. `has_ended`: nothing is canceled."""
    if runnable(version) is not None:
        return ""
    needed = f"This run needs version {version.number} of {version.definition_id}"
    if version.definition_json is not None:
        why, deploy = f"a part of it is not on this server: {_missing_part(version)}", "Add that part and restart"
    elif version.definition_id not in registry():
        why, deploy = "this server does not have its code.", "Add its module to WFCONSOLE_WORKFLOWS and restart"
    else:
        why = f"this server has {_current(version)}, with other steps{_difference(version)}."
        deploy = f"Deploy the code of version {version.number}"
    ways = [deploy, *([f"run it again on {_current(version)}"] if _takes_new_runs(version) else [])]
    ways += [] if has_ended else ["cancel it"]
    return f"{needed}, and {why} {', '.join(ways[:-1])}{', or ' if len(ways) > 1 else ''}{ways[-1]}."


def missing_code_of(version_ids: Collection[int]) -> dict[int, str]:
    """The sentences of those of the versions that this server cannot run, by id. One query where it has them all."""
    versions = WorkflowVersion.objects.filter(pk__in=set(version_ids))
    unknown = [
        version_id
        for version_id, workflow_id, hash in versions.values_list("pk", "definition_id", "content_hash")
        if not _is_known(workflow_id, hash)
    ]
    found = versions.filter(pk__in=unknown).select_related("definition__current") if unknown else ()
    return {version.pk: sentence for version in found if (sentence := missing_code(version))}


def _is_known(workflow_id: str, hash: str) -> bool:
    """Whether that much tells already that the version is here."""
    if workflow_id in registry() and hash == content_hash(workflow_id):
        return True
    return ready_made(workflow_id, hash) is not None


def _current(version: WorkflowVersion) -> str:
    current = version.definition.current
    is_other = current is not None and current.pk != version.pk
    return f"version {current.number}" if is_other else "another version"


def _takes_new_runs(version: WorkflowVersion) -> bool:
    definition = version.definition
    return definition.enabled and not definition.problem and definition.current_id not in (None, version.pk)


def _missing_part(version: WorkflowVersion) -> str:
    try:
        built(version)
    except InvalidDefinition as error:
        return error.issues[0].message
    except InvalidWorkflow as error:
        return str(error)
    return ""


def _difference(version: WorkflowVersion) -> str:
    """Which steps came and went; nothing when the same ones are joined in another way."""
    there, here = step_ids(version.graph), step_ids(graph_of(registry()[version.definition_id]))
    parts = []
    for words, names in (
        ("without", [name for name in there if name not in here]),
        ("new:", [name for name in here if name not in there]),
    ):
        if names:
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            parts.append(f"{words} {', '.join(names[:MOST_NAMES])}{more}")
    return f" ({'; '.join(parts)})" if parts else ""
