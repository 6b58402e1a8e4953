"""Who did what, to what, from where."""

from django.conf import settings
from django.db import models


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

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["object_type", "object_id", "-at"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.verb} {self.object_id}"
