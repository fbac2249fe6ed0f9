"""The closed lists of the product's words, with their labels."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Outcome(TextChoices):
    """A finding's answer. Unknown is never a denial: nobody could tell."""

    PASSED = "passed", _("Passed")
    WARNING = "warning", _("Warning")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Unknown")


class Readiness(TextChoices):
    """What a verification concluded about a person."""

    READY = "ready", _("Ready")
    BLOCKED = "blocked", _("Blocked")
    UNKNOWN = "unknown", _("Unknown")


class Scope(TextChoices):
    """What a check's answer holds for: everybody in an account, everybody in a role, or one person."""

    ACCOUNT = "account", _("Account")
    ROLE = "role", _("Role")
    PERSON = "person", _("Person")


class Layer(TextChoices):
    """Who said no (or could not say)."""

    DIRECTORY = "directory", _("Identity Center directory")
    ASSIGNMENT = "assignment", _("Permission set assignment")
    INFERENCE_PROFILE = "inference-profile", _("Inference profile")
    REGION_AVAILABILITY = "region-availability", _("Model availability in the Region")
    AGREEMENT = "agreement", _("Model agreement")
    USE_CASE_FORM = "use-case-form", _("Anthropic use-case form")
    AUTHORIZATION = "authorization", _("Account authorization for the model")
    ENTITLEMENT = "entitlement", _("Model entitlement")
    IDENTITY_POLICY = "identity-policy", _("Identity policy")
    PERMISSIONS_BOUNDARY = "permissions-boundary", _("Permissions boundary")
    SERVICE_CONTROL_POLICY = "service-control-policy", _("Service control policy")
    AWS = "aws", _("AWS gave no answer")
    PORTAL = "portal", _("Onramp's own AWS access")


class Actor(TextChoices):
    """Who can act on a finding."""

    PERSON = "person", _("You")
    ADMIN = "admin", _("An admin")
    NOBODY = "nobody", _("Nobody needs to act")


class Tier(TextChoices):
    """Claude Code's model aliases."""

    OPUS = "opus", "Opus"
    SONNET = "sonnet", "Sonnet"
    HAIKU = "haiku", "Haiku"


class Trigger(TextChoices):
    """Why a verification started."""

    SIGN_IN = "sign-in", _("because you signed in")
    RECHECK = "recheck", _("because you asked to verify again")
    COMMAND = "command", _("because an operator ran it")


class RunState(TextChoices):
    QUEUED = "queued", pgettext_lazy("a verification's state", "Waiting")
    RUNNING = "running", pgettext_lazy("a verification's state", "Running")
    DONE = "done", pgettext_lazy("a verification's state", "Done")


class Role(TextChoices):
    """What somebody may do in the portal itself."""

    PERSON = "person", pgettext_lazy("a role in the portal", "Person")
    AUDITOR = "auditor", pgettext_lazy("a role in the portal", "Auditor")
    ADMIN = "admin", pgettext_lazy("a role in the portal", "Admin")


class Platform(TextChoices):
    MACOS = "macos", "macOS"
    LINUX = "linux", "Linux"
    WINDOWS = "windows", "Windows"


class CredentialMethod(TextChoices):
    """How Claude Code gets AWS credentials on a person's machine."""

    IDENTITY_CENTER = "identity-center", "IAM Identity Center"


class EndpointKind(TextChoices):
    """Where a request may be served; it decides the price."""

    GLOBAL = "global", _("Global")
    GEOGRAPHIC = "geographic", _("Geographic")
    IN_REGION = "in-region", _("In-Region")


class TokenClass(TextChoices):
    INPUT = "input", _("Input")
    OUTPUT = "output", _("Output")
    CACHE_READ = "cache-read", _("Cache read")
    CACHE_WRITE_5M = "cache-write-5m", _("Cache write, 5 minutes")
    CACHE_WRITE_1H = "cache-write-1h", _("Cache write, 1 hour")
