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


class Standing(TextChoices):
    """How somebody stands, in the words of the people page. Of one person several may be true."""

    READY = "ready", pgettext_lazy("how somebody stands", "Ready")
    BLOCKED = "blocked", pgettext_lazy("how somebody stands", "Blocked")
    UNKNOWN = "unknown", pgettext_lazy("how somebody stands", "Unknown")
    NEVER_SIGNED_IN = "never-signed-in", pgettext_lazy("how somebody stands", "Never signed in")
    OUTDATED = "outdated", pgettext_lazy("how somebody stands", "Outdated bundle")
    NO_PLAN = "no-plan", pgettext_lazy("how somebody stands", "No plan")
    DEACTIVATED = "deactivated", pgettext_lazy("how somebody stands", "Deactivated")


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
    ADMIN = "admin", _("because an admin asked to verify again")
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


class ApiScope(TextChoices):
    """What a token of the API may read."""

    PEOPLE = "people", _("People")
    VERIFICATIONS = "verifications", _("Verifications")
    COSTS = "costs", _("Costs")
    PLANS = "plans", _("Plans")


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
    CREDENTIAL_EXPORT = "credential-export", _("A helper that prints credentials (awsCredentialExport)")
    CREDENTIAL_PROCESS = "credential-process", _("A helper named in the AWS profile (credential_process)")
    AWS_LOGIN = "aws-login", _("Console sign-in (aws login)")
    ACCESS_KEYS = "access-keys", _("Access keys, kept by the AWS CLI")
    ENVIRONMENT_KEYS = "environment-keys", _("Keys in the environment of one terminal")
    BEDROCK_API_KEY = "bedrock-api-key", _("A short-term Bedrock API key")
    OWN = "own", _("The company's own tool")

    @property
    def has_helper(self) -> bool:
        """Whether a command of the company brings the credentials."""
        return self in (CredentialMethod.CREDENTIAL_EXPORT, CredentialMethod.CREDENTIAL_PROCESS)

    @property
    def signs_in(self) -> bool:
        """Whether people sign in to IAM Identity Center on their machine."""
        return self in (CredentialMethod.IDENTITY_CENTER, CredentialMethod.BEDROCK_API_KEY)

    @property
    def has_profile(self) -> bool:
        """Whether an AWS profile names the credentials. One that stands in settings.json outranks exported keys."""
        return self not in (CredentialMethod.ENVIRONMENT_KEYS, CredentialMethod.CREDENTIAL_EXPORT)


class ModelForm(TextChoices):
    """How settings.json says which model a tier means."""

    PINS = "pins", _("Pins of the three aliases")
    COMPATIBILITY = "compatibility", _("Pins, and the older variables for old versions of Claude Code")


class SettingsScope(TextChoices):
    """Who puts the settings on a machine, and so who may change them there."""

    USER = "user", _("The person, in their own settings.json")
    MANAGED = "managed", _("Device management, in managed-settings.json")


class Effort(TextChoices):
    """How hard a model thinks. https://code.claude.com/docs/en/model-config"""

    LOW = "low", pgettext_lazy("effort", "Low")
    MEDIUM = "medium", pgettext_lazy("effort", "Medium")
    HIGH = "high", pgettext_lazy("effort", "High")
    XHIGH = "xhigh", pgettext_lazy("effort", "Extra high")
    MAX = "max", pgettext_lazy("effort", "Maximum")


class PromptCaching(TextChoices):
    """How long a prompt stays in the cache."""

    FIVE_MINUTES = "5m", _("5 minutes")
    ONE_HOUR = "1h", _("1 hour")
    OFF = "off", _("Off")


class ServiceTier(TextChoices):
    """Bedrock's service tiers. https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html"""

    DEFAULT = "default", pgettext_lazy("service tier", "Standard")
    FLEX = "flex", pgettext_lazy("service tier", "Flex")
    PRIORITY = "priority", pgettext_lazy("service tier", "Priority")


class RegionPrefix(TextChoices):
    """What Claude Code takes for ANTHROPIC_BEDROCK_REGION_PREFIX; in GovCloud it always uses `us-gov`."""

    US = "us", "us"
    EU = "eu", "eu"
    APAC = "apac", "apac"
    JP = "jp", "jp"
    AU = "au", "au"
    GLOBAL = "global", "global"


class OtlpProtocol(TextChoices):
    """How telemetry is sent. https://code.claude.com/docs/en/monitoring-usage"""

    GRPC = "grpc", "gRPC"
    HTTP_PROTOBUF = "http/protobuf", "HTTP, protobuf"
    HTTP_JSON = "http/json", "HTTP, JSON"


class UpdateChannel(TextChoices):
    """Which releases Claude Code updates itself to."""

    STABLE = "stable", pgettext_lazy("update channel", "Stable")
    LATEST = "latest", pgettext_lazy("update channel", "Latest")


class CodePurpose(TextChoices):
    """What a one-time code is good for."""

    INSTALL = "install", _("Fetch a bundle")
    REPORT = "report", _("Send the doctor's report")


class Installed(TextChoices):
    """Which revision of their plan somebody took last, as far as bundles and machines' reports tell."""

    CURRENT = "current", pgettext_lazy("an installed revision", "Current revision")
    OLDER = "older", pgettext_lazy("an installed revision", "Older revision")
    NONE = "none", pgettext_lazy("an installed revision", "Nothing yet")


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


class MeteredClass(TextChoices):
    """What CloudWatch counts of a model: as `TokenClass`, but with the two cache writes together."""

    INPUT = "input", _("Input")
    OUTPUT = "output", _("Output")
    CACHE_READ = "cache-read", _("Cache read")
    CACHE_WRITE = "cache-write", _("Cache write")


class BilledSource(TextChoices):
    """Where a figure that AWS charged was read."""

    COST_EXPLORER = "cost-explorer", _("Cost Explorer")
    COST_REPORT = "cost-report", _("Cost and Usage Report")


class Problem(TextChoices):
    """Why something could not be read: as the ladder of AWS's errors has it, or by no error of AWS's at all."""

    NOT_CONFIGURED = "not-configured", _("Onramp has no credentials that AWS accepts")
    NO_ANSWER = "no-answer", _("AWS gave no answer")
    DENIED = "denied", _("AWS denies it to Onramp")
    REFUSED = "refused", _("AWS refused the call")
    CAPPED = "capped", _("This month's requests to Cost Explorer are used up")
    UNTAGGED = "untagged", _("The cost allocation tag names nobody")
    LATE = "late", _("The Cost and Usage Report is late")
    FAULT = "fault", _("A fault of Onramp's own")


class AlertKind(TextChoices):
    """What a budget's alert is about: a share that was reached (its text is the threshold in percent), or the end of
    the month.
    """

    THRESHOLD = "threshold", _("A share of the budget was used")
    FORECAST = "forecast", _("The forecast is above the budget")


class Channel(TextChoices):
    """How an alert or a notification leaves the portal."""

    MAIL = "mail", _("E-mail")
    SLACK = "slack", "Slack"


class NotificationKind(TextChoices):
    """What Onramp tells by itself."""

    ACCESS_READY = "access-ready", _("Your access works")
    ACCESS_BLOCKED = "access-blocked", _("Your access worked and is blocked now")
    PLAN_REVISION = "plan-revision", _("Your plan has a new revision")
    REQUEST_ANSWERED = "request-answered", _("An admin answered your request")
    BUDGET = "budget", _("A budget nears its end")
    NEW_BLOCKERS = "new-blockers", _("A sweep found people who are blocked now")
    LOGGING_OFF = "logging-off", _("Invocation logging stopped in a Region")
    READING_STALLED = "reading-stalled", _("Usage has not been read for a while")
    REQUEST_FILED = "request-filed", _("Somebody asked the admins")
    TEST = "test", _("A test")

    @property
    def is_for_admins(self) -> bool:
        return self in (
            NotificationKind.NEW_BLOCKERS,
            NotificationKind.LOGGING_OFF,
            NotificationKind.READING_STALLED,
            NotificationKind.REQUEST_FILED,
            NotificationKind.TEST,
        )
