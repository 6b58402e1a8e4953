"""Who did what, to what, from where."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.http import HttpRequest

from .prepared import Insertion


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where. `label`: the name that runs and audit entries keep when the person is gone."""

    label: str
    user: AbstractBaseUser | None = None
    address: str | None = None

    @classmethod
    def person(cls, user: AbstractBaseUser, address: str | None = None) -> "Actor":
        return cls(user.get_full_name() or user.get_username(), user, address)

    @classmethod
    def of(cls, request: HttpRequest) -> "Actor":
        """The person who is signed in."""
        return cls.person(request.user, address_of(request))


def address_of(request: HttpRequest) -> str | None:
    return request.META.get("REMOTE_ADDR") or None


class AuditEntryManager(models.Manager["AuditEntry"]):
    def record(
        self, actor: Actor, verb: str, object_type: str, object_id: str, *, before: object = None, after: object = None
    ) -> None:
        """Store an act. To be called in the transaction that it is part of."""
        _insert(
            AuditEntry(
                actor=actor.user,
                actor_label=actor.label,
                verb=verb,
                object_type=object_type,
                object_id=object_id,
                before=before,
                after=after,
                address=actor.address,
            )
        )


class AuditEntry(models.Model):
    """One act of a person or a program that changed something, or saw something masked."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    actor_label = models.CharField(max_length=150)
    verb = models.CharField(max_length=30)  # start, cancel, resume, edit, enable, disable, reveal
    object_type = models.CharField(max_length=30)  # run, workflow, token
    object_id = models.CharField(max_length=200)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)

    objects = AuditEntryManager()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["object_type", "object_id", "-at"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.verb} {self.object_id}"


_insert = Insertion(AuditEntry)
