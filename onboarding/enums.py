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


class Gate(TextChoices):
    """The groups of checks, in the order a person passes them."""

    IDENTITY = "identity", _("Identity")
    MODELS = "models", _("Account and models")
    PERMISSIONS = "permissions", _("Permissions")


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
    RESOURCE_CONTROL_POLICY = "resource-control-policy", _("Resource control policy")
    SESSION_POLICY = "session-policy", _("Session policy")
    VPC_ENDPOINT_POLICY = "vpc-endpoint-policy", _("VPC endpoint policy")
    MODEL_LIFECYCLE = "model-lifecycle", _("Model lifecycle")
    DATA_RETENTION = "data-retention", _("Data-retention mode of the account")
    SERVICE_QUOTA = "service-quota", _("Service quota")
    PAYMENT = "payment", _("Payment method of the account")
    CREDENTIALS = "credentials", _("Credentials on your machine")
    CLAUDE_CODE = "claude-code", _("Claude Code's own settings")
    NETWORK = "network", _("Network between you and AWS")
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
    PLAN_PUBLISHED = "plan-published", _("because your plan changed")
    NIGHTLY = "nightly", _("because everybody is verified once a night")
    DESTINATIONS_CHANGED = "destinations-changed", _("because Bedrock routes a model of yours to other Regions now")
    PROVISIONAL = "provisional", _("because a model was subscribed to only minutes before the last time")


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


class IdentitySource(TextChoices):
    """Where the AWS identity behind a person is found."""

    IDENTITY_CENTER = "identity-center", _("IAM Identity Center")
    FEDERATED_ROLE = "federated-role", _("A role that people assume through federation")
    IAM_USER = "iam-user", _("IAM users")


class CredentialMethod(TextChoices):
    """How Claude Code gets AWS credentials on a person's machine."""

    IDENTITY_CENTER = "identity-center", _("IAM Identity Center")
    OWN = "own", _("The company's own tool")


class RequestState(TextChoices):
    """How far a request to the admins has come."""

    OPEN = "open", pgettext_lazy("a request's state", "Open")
    CLOSED = "closed", pgettext_lazy("a request's state", "Closed")


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
