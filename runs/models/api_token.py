"""Tokens: how a program shows who it is. Only a token's SHA-256 is kept; its text is shown once."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from .prepared import Prepared

PREFIX = "wfc_"
SHOWN = 10  # characters of a token that are kept, to tell tokens apart
USE_NOTED_EVERY = timedelta(minutes=1)  # a write for each request would cost more than most requests
BOOTSTRAP = "WFCONSOLE_API_TOKEN"


class Scope(models.TextChoices):
    """What a token is good for, each with the right that its owner needs as well."""

    READ = "read", "read workflows and runs"
    START = "start", "start runs"
    ANSWER = "answer", "answer, cancel, restart"
    MANAGE = "manage", "delete runs, change workflows"


RIGHTS = {
    Scope.READ: "runs.view_workflowrun",
    Scope.START: "runs.add_workflowrun",
    Scope.ANSWER: "runs.change_workflowrun",
    Scope.MANAGE: "runs.change_workflowdefinition",
}
OPERATOR = [Scope.READ, Scope.START, Scope.ANSWER]


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self, now: datetime | models.Expression | None = None) -> "ApiTokenQuerySet":
        """Neither revoked nor expired, and of somebody who may still sign in."""
        alive = models.Q(expires_at=None) | models.Q(expires_at__gt=now or timezone.now())
        return self.filter(alive, models.Q(user=None) | models.Q(user__is_active=True), revoked_at=None)

    def issue(
        self,
        *,
        name: str,
        user: AbstractBaseUser | None,
        scopes: Collection[str],
        workflows: Collection[str] = (),
        expires_at: datetime | None = None,
    ) -> tuple["ApiToken", str]:
        """A new token, and its text, which nobody can find out later."""
        text = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            name=name,
            user=user,
            digest=digest_of(text),
            beginning=text[:SHOWN],
            scopes=[scope.value for scope in Scope if scope in scopes],
            workflows=sorted(set(workflows)),
            expires_at=expires_at,
        )
        return token, text

    def of_text(self, text: str) -> "ApiToken | None":
        """The token of this text if it is good, its use noted; else None. Asks the database each time: a token that
        is revoked is worthless at once."""
        now = timezone.now()
        rows = _usable_by_digest(digest_of(text), now)
        if not rows:
            return None
        token = ApiToken.from_db(self.db, TOKEN_COLUMNS, rows[0][: len(TOKEN_COLUMNS)])
        token.user = _owner(self.db, rows[0][len(TOKEN_COLUMNS) :])
        if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
            self.filter(pk=token.pk).update(last_used_at=now)
        return token

    def keep_bootstrap(self, text: str | None) -> None:
        """Have the token of the environment, with an operator's rights, and none of an earlier start."""
        digest = digest_of(text) if text else ""
        self.filter(name=BOOTSTRAP, user=None).exclude(digest=digest).delete()
        if text:
            values = {"name": BOOTSTRAP, "beginning": text[:4], "scopes": [scope.value for scope in OPERATOR]}
            self.get_or_create(digest=digest, defaults=values)


def digest_of(text: str) -> str:
    """Fast on purpose: a token is 256 bits of chance, so there is nothing to guess."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


class ApiToken(models.Model):
    """What a program may do in somebody's name, never more than that person may."""

    name = models.CharField(max_length=100)
    # Whose rights it has at most. None: the token of the environment.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="api_tokens"
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)  # SHA-256, hexadecimal
    beginning = models.CharField(max_length=SHOWN)
    scopes = models.JSONField(default=list)
    workflows = models.JSONField(default=list, blank=True)  # the ids that it is limited to; empty: all
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name

    def may(self, scope: Scope) -> bool:
        """Whether the token has the scope, and its owner still the right behind it."""
        return scope in self.scopes and (self.user is None or self.user.has_perm(RIGHTS[scope]))

    def reaches(self, workflow_id: str) -> bool:
        return not self.workflows or workflow_id in self.workflows

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def revoke(self) -> None:
        """Make it worthless at once, for good."""
        self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])


TOKEN_COLUMNS = [field.attname for field in ApiToken._meta.concrete_fields]
# What rights and names are told by, in the order of the model's own fields: from_db() takes them in no other.
OWNER_COLUMNS = ["id", "is_superuser", "username", "is_active"]


def _usable(digest: models.Expression, now: models.Expression) -> models.QuerySet:
    columns = [*TOKEN_COLUMNS, *(f"user__{column}" for column in OWNER_COLUMNS)]
    return ApiToken.objects.usable(now).filter(digest=digest).order_by().values_list(*columns)


_usable_by_digest = Prepared(_usable, models.CharField(), models.DateTimeField())


def _owner(db: str, values: Sequence[object]) -> AbstractBaseUser | None:
    """The person whose token it is, in the columns asked for; the others are read when they are looked at."""
    return None if values[0] is None else get_user_model().from_db(db, OWNER_COLUMNS, values)
