"""The rows. They hold fields, constraints, querysets and predicates; they never reach the cloud."""

from __future__ import annotations

from onboarding.models.accounts import Account, IdentityCenter
from onboarding.models.audit import AuditEvent
from onboarding.models.billing import BilledCost, BillingFetch
from onboarding.models.budgets import AlertMail, BudgetAlert
from onboarding.models.bundles import Bundle
from onboarding.models.enrolments import Enrolment, OneTimeCode
from onboarding.models.notifications import Notification, OptOut
from onboarding.models.people import DirectoryEntry, Person, Principal, Team, User
from onboarding.models.plans import Plan, PlanRevision
from onboarding.models.prices import Price
from onboarding.models.provisioning import ProvisionedGroup, ProvisionedUser, ProvisioningToken
from onboarding.models.rates import RateBucket
from onboarding.models.requests import AdminRequest
from onboarding.models.schedule import BeatLease, PeriodicTask
from onboarding.models.sign_in import BreakGlassLink, LogoutToken
from onboarding.models.statuses import PersonStatus, PersonWord, TeamTally
from onboarding.models.sweeps import Sweep
from onboarding.models.tokens import ApiToken
from onboarding.models.usage import (
    Addition,
    ApplicationProfile,
    Caller,
    ControlTotal,
    Ingestion,
    LogFile,
    LogSource,
    Meter,
    SeenRequests,
    UsageEntry,
)
from onboarding.models.verification import Finding, Subject, Verification, VerificationFinding

__all__ = [
    "Account",
    "Addition",
    "AdminRequest",
    "AlertMail",
    "ApiToken",
    "ApplicationProfile",
    "AuditEvent",
    "BeatLease",
    "BilledCost",
    "BillingFetch",
    "BreakGlassLink",
    "BudgetAlert",
    "Bundle",
    "Caller",
    "ControlTotal",
    "DirectoryEntry",
    "Enrolment",
    "Finding",
    "IdentityCenter",
    "Ingestion",
    "LogFile",
    "LogSource",
    "LogoutToken",
    "Meter",
    "Notification",
    "OneTimeCode",
    "OptOut",
    "PeriodicTask",
    "Person",
    "PersonStatus",
    "PersonWord",
    "Plan",
    "PlanRevision",
    "Price",
    "Principal",
    "ProvisionedGroup",
    "ProvisionedUser",
    "ProvisioningToken",
    "RateBucket",
    "SeenRequests",
    "Subject",
    "Sweep",
    "Team",
    "TeamTally",
    "UsageEntry",
    "User",
    "Verification",
    "VerificationFinding",
]
