"""Roles: who may look, who may act, who may manage. Each is a group of Django's own, with these rights."""

from django.apps.registry import Apps

VIEWER = ["view_workflowdefinition", "view_workflowversion", "view_workflowrun", "view_runevent", "view_runtag"]
OPERATOR = [*VIEWER, "add_workflowrun", "change_workflowrun", "view_webhook"]  # start; cancel and answer
WEBHOOKS = ["add_webhook", "change_webhook", "delete_webhook"]
ADMIN = [*OPERATOR, *WEBHOOKS, "add_workflowdefinition", "change_workflowdefinition", "view_auditentry"]
PEOPLE = ["add_user", "change_user", "view_user", "view_group"]

ROLES = {"viewer": VIEWER, "operator": OPERATOR, "admin": [*ADMIN, *PEOPLE]}


def ensure_roles(apps: Apps) -> None:
    """Make the groups and give them their rights. May be called any number of times.

    Called after each migrate, for permissions exist only then; rights that an administrator added by hand stay.
    """
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    rights = {
        right.codename: right for right in permission_model.objects.filter(content_type__app_label__in=["runs", "auth"])
    }
    for name, codenames in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=name)
        group.permissions.add(*[rights[codename] for codename in codenames if codename in rights])
