"""`manage.py create_token NAME --user USER`: a token for a program."""

import argparse
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from runs.models import ApiToken, WorkflowDefinition
from runs.models.api_token import OPERATOR, RIGHTS, Scope

from ..console_command import ConsoleCommand, bad_input


class Command(ConsoleCommand):
    help = "Make a token for the HTTP API, and print it: it is shown this once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="what the token is for")
        parser.add_argument("--user", default="admin", help="whose rights it has at most; default: admin")
        parser.add_argument(
            "--scope", action="append", choices=Scope.values, help="may be repeated; default: read, start and answer"
        )
        parser.add_argument("--workflow", action="append", default=[], help="limit it to this one; may be repeated")
        parser.add_argument("--days", type=int, help="expire after so many days; default: never")
        parser.add_argument("--json", action="store_true", help="print it with what it is good for, as JSON")

    def handle(self, *, name: str, user: str, days: int | None, workflow: list[str], **options: Any) -> None:
        person = get_user_model().objects.filter(username=user).first()
        if person is None:
            raise bad_input(f"There is no user {user}.")
        if days is not None and not 0 < days <= 36_500:
            raise bad_input("--days: a number from 1 to 36500.")
        if not name.strip() or len(name) > 100:
            raise bad_input("A name has 1 to 100 characters.")
        unknown = set(workflow) - set(WorkflowDefinition.objects.filter(pk__in=workflow).values_list("pk", flat=True))
        if unknown:
            raise bad_input(f"There is no workflow {', '.join(sorted(unknown))}.")
        scopes = [Scope(scope) for scope in options["scope"] or OPERATOR]
        for scope in scopes:
            if not person.has_perm(RIGHTS[scope]):
                raise bad_input(f"{user} may not {scope.label}, so a token of theirs cannot, either.")
        expires = timezone.now() + timedelta(days=days) if days else None
        token, text = ApiToken.objects.issue(
            name=name.strip(), user=person, scopes=scopes, workflows=workflow, expires_at=expires
        )
        if options["json"]:
            form = {"token": text, "name": token.name, "scopes": token.scopes, "workflows": token.workflows}
            self.print_json(form | {"expiresAt": expires.isoformat() if expires else None})
        else:
            self.stdout.write(text)
