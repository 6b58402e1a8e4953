"""Workflows made from data: checked, stored as versions, and kept up to date with what they use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from runs.engine.definition.definition import DefinitionIssue, InvalidDefinition
from runs.engine.errors import InvalidWorkflow
from runs.models import Actor, AuditEntry, WorkflowDefinition, WorkflowVersion
from runs.models.workflow import DELETED

from .definition_changes import definition_changes
from .definition_check import check, id_of, look_at, names_in
from .registry import built

__all__ = [
    "DELETED",
    "DefinitionRefused",
    "InUse",
    "Item",
    "Outdated",
    "Saved",
    "check",
    "delete",
    "look_at",
    "refresh",
    "refresh_definitions",
    "save",
    "save_many",
    "users_of",
]

Outcome = Literal["created", "changed", "unchanged"]

# What the console does by itself, after a start with other code.
CONSOLE = Actor("console")
PROBLEM_LENGTH = WorkflowDefinition._meta.get_field("problem").max_length


class DefinitionRefused(Exception):
    """A definition was not changed. The text is a sentence for people."""


class Outdated(DefinitionRefused):
    """Somebody else has saved the definition since it was read; `current` is what they saved."""

    def __init__(self, current: WorkflowVersion) -> None:
        self.current = current
        super().__init__(f"Version {current.number} was saved meanwhile.")


class InUse(DefinitionRefused):
    """Other definitions run this one as a step."""

    def __init__(self, definition_id: str, used_by: list[str]) -> None:
        self.used_by = used_by
        super().__init__(f"{definition_id} is a step of {', '.join(used_by)}. Change that first.")


@dataclass(frozen=True)
class Saved:
    """What saving a definition has led to. `left_behind`: definitions that run the version before it, and why."""

    version: WorkflowVersion
    outcome: Outcome
    change: str
    left_behind: Sequence[tuple[str, DefinitionIssue]] = ()


@dataclass(frozen=True)
class Item:
    """What became of one definition among several."""

    id: str
    outcome: Outcome | Literal["refused"]
    saved: Saved | None = None
    issues: Sequence[DefinitionIssue] = ()


# --- Storing ------------------------------------------------------------------------------------------


def save(
    data: object,
    *,
    actor: Actor,
    base: int | None = None,
) -> Saved:
    """Store a definition: new content is a new version, which new runs get. Runs that there are keep theirs.

    `base`: the number of the version that was edited. Raises InvalidDefinition, with every issue, and Outdated.
    """
    saved = _save(data, actor, base)
    behind = [] if saved.outcome == "unchanged" else _update_users(saved.version.definition_id, actor)
    return Saved(saved.version, saved.outcome, saved.change, behind)


def save_many(
    definitions: Sequence[object],
    *,
    actor: Actor,
    all_or_none: bool = False,
    only_look: bool = False,
) -> list[Item]:
    """Store several definitions, which may run each other, and tell of each what became of it, in their order.

    With `all_or_none` nothing is stored when one of them is refused; with `only_look` nothing in any case.
    """
    items: dict[int, Item] = {}
    with transaction.atomic():
        for index in _in_building_order(definitions):
            data = definitions[index]
            try:
                saved = save(data, actor=actor)
                items[index] = Item(id_of(data), saved.outcome, saved)
            except InvalidDefinition as error:
                items[index] = Item(id_of(data), "refused", issues=error.issues)
        if only_look or (all_or_none and any(item.outcome == "refused" for item in items.values())):
            transaction.set_rollback(True)
    return [items[index] for index in range(len(definitions))]


def _in_building_order(definitions: Sequence[object]) -> list[int]:
    """What others run comes before them. Those in a circle keep their order: the check will tell them."""
    ids = {id_of(data): index for index, data in enumerate(definitions)}
    order: dict[int, None] = {}
    begun: set[int] = set()

    def visit(index: int) -> None:
        if index in begun:
            return
        begun.add(index)
        for name in sorted(names_in(definitions[index])):
            if name in ids:
                visit(ids[name])
        order[index] = None

    for index in range(len(definitions)):
        visit(index)
    return list(order)


def _save(data: object, actor: Actor, base: int | None = None) -> Saved:
    with transaction.atomic():
        version = look_at(data).version
        definition = _locked(id_of(data), version)
        before = definition.current
        if base is not None and before is not None and before.number != base:
            raise Outdated(before)
        if before is not None and before.content_hash == version.content_hash and definition.problem != DELETED:
            return Saved(before, "unchanged", "")
        known = definition.versions.filter(content_hash=version.content_hash).first()
        change = definition_changes(before, version)
        if known is not None and known != before:
            change = f"Back to version {known.number}"
        if known is None:
            latest = definition.versions.order_by("-number").values_list("number", flat=True).first()
            version.definition, version.number = definition, (latest or 0) + 1
            version.change, version.created_by = change, actor.user
            version.save()
        if definition.problem == DELETED:
            definition.enabled, change = True, "Restored"
        _make_current(definition, known or version)
        numbers = {"version": before.number} if before else None
        verb = "edit" if before else "create"
        after = {"version": definition.current.number, "change": change}
        AuditEntry.objects.record(actor, verb, "workflow", definition.pk, before=numbers, after=after)
    return Saved(definition.current, "changed" if before else "created", change)


def _locked(definition_id: str, version: WorkflowVersion) -> WorkflowDefinition:
    """The definition, made if need be, and locked: of two who save, the second one sees what the first one did."""
    fresh = WorkflowDefinition(id=definition_id, origin=WorkflowDefinition.Origin.DYNAMIC)
    WorkflowDefinition.objects.bulk_create([fresh], ignore_conflicts=True)
    return WorkflowDefinition.objects.select_for_update().get(pk=definition_id)


def _make_current(definition: WorkflowDefinition, version: WorkflowVersion) -> None:
    definition.current, definition.problem = version, ""
    definition.description = version.definition_json.get("description") or ""
    definition.save(update_fields=["current", "problem", "description", "enabled", "updated_at"])


def delete(
    definition_id: str,
    *,
    actor: Actor,
) -> bool:
    """Take a definition away; False: there is none. Where runs point to it, it stays readable and takes no new ones.

    Saving the id again brings it back. Raises InUse when another definition runs it.
    """
    with transaction.atomic():
        definition = (
            WorkflowDefinition.objects.dynamic().select_for_update(of=("self",)).filter(pk=definition_id).first()
        )
        if definition is None:
            return False
        if used_by := users_of(definition_id):
            raise InUse(definition_id, used_by)
        number = WorkflowVersion.objects.filter(pk=definition.current_id).values_list("number", flat=True).first()
        if definition.runs.exists() or _is_pinned(definition_id):
            definition.enabled, definition.problem = False, DELETED
            definition.save(update_fields=["enabled", "problem", "updated_at"])
        else:
            WorkflowDefinition.objects.filter(pk=definition_id).update(current=None)
            definition.delete()
        AuditEntry.objects.record(actor, "delete", "workflow", definition_id, before={"version": number})
    return True


def users_of(definition_id: str) -> list[str]:
    """The definitions whose new runs run this one as a step."""
    used = WorkflowDefinition.objects.dynamic().filter(current__nested__isnull=False)
    pairs = used.order_by("pk").values_list("pk", "current__nested")
    return [user for user, nested in pairs if definition_id in nested]


def _is_pinned(definition_id: str) -> bool:
    """Whether any version of another definition, be it an old one, runs a version of this one."""
    pinned = WorkflowVersion.objects.filter(nested__isnull=False).values_list("nested", flat=True)
    return any(definition_id in nested for nested in pinned)


# --- Keeping up ---------------------------------------------------------------------------------------


def _update_users(definition_id: str, actor: Actor) -> list[tuple[str, DefinitionIssue]]:
    """Give the definitions that run this one its new version, where it fits. Those where it does not keep the old."""
    behind = []
    for user in users_of(definition_id):
        issue = refresh(user, actor)
        if issue is not None:
            behind.append((user, issue))
    return behind


def refresh(definition_id: str, actor: Actor = CONSOLE) -> DefinitionIssue | None:
    """Have a definition run the current versions of the workflows that it names; the issue when they do not fit.

    Nothing changes then, as long as it can be run as it is; else its problem is told.
    """
    definition = WorkflowDefinition.objects.dynamic().with_current().filter(pk=definition_id).first()
    if definition is None or definition.current is None:
        return None
    checked = look_at(definition.current.definition_json)
    if not checked.issues:
        if checked.version.content_hash != definition.current.content_hash:
            behind = _save(checked.data, actor)
            if behind.outcome != "unchanged":
                _update_users(definition_id, actor)
        elif definition.problem:
            WorkflowDefinition.objects.filter(pk=definition_id).update(problem="")
        return None
    issue = checked.issues[0]
    problem = "" if _takes_new_runs(definition.current) else f"{issue.path}: {issue.message}"[:PROBLEM_LENGTH]
    if definition.problem != problem:
        WorkflowDefinition.objects.filter(pk=definition_id).update(problem=problem)
    return issue


def _takes_new_runs(version: WorkflowVersion) -> bool:
    """Whether it passes all checks with the versions of the workflows that it names itself."""
    try:
        built(version, as_new=True)
    except InvalidWorkflow:
        return False
    return True


def refresh_definitions() -> None:
    """After a start, with other code perhaps: see that each definition can be run, or tells why not."""
    stored = dict(WorkflowDefinition.objects.dynamic().order_by("pk").values_list("pk", "current__definition_json"))
    ids = list(stored)
    for index in _in_building_order([stored[name] for name in ids]):
        refresh(ids[index])
