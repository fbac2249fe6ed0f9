"""Who did what to whom, when."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from onboarding.masking import mask, masked


class AuditEventManager(models.Manager["AuditEvent"]):
    def record(self, *, actor: str, action: str, target: str, **details: Any) -> AuditEvent:
        """Write one event. Call it inside the transaction of the deed, so that neither stands without the other.

        A secret that somebody typed into a reason would stand in it for ever, so it is masked.
        """
        return self.create(actor=actor, action=action, target=mask(target), details=masked(details))


class AuditEvent(models.Model):
    """Append-only: the database itself refuses to change or delete one (migration 0010). No foreign keys: history
    outlives what it describes.

    On SQLite a migration that alters this table makes it anew, without its triggers, and has to put them back.
    """

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=254, help_text=_("An e-mail, or the command's name."))
    action = models.CharField(max_length=50)
    target = models.CharField(max_length=254)
    details = models.JSONField(default=dict, blank=True)

    objects = AuditEventManager()

    class Meta:
        indexes = [
            # The audit page reads the newest first; the key tells apart what happened at once.
            models.Index(fields=["-at", "-id"], name="audit_newest_first"),
            # It reads the newest of one actor, in any case of letters.
            models.Index(Upper("actor"), models.F("at").desc(), models.F("id").desc(), name="audit_of_actor"),
            # And of one action; the page about prices reads its own.
            models.Index(fields=["action", "-at", "-id"], name="audit_of_action"),
            # A person's page reads the newest of what was done to them.
            models.Index(fields=["target", "-at", "-id"], name="audit_of_target"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action} {self.target}"
