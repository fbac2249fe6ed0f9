"""Django's settings, in the order a request meets them. Every value that differs between installations is read from
the environment by `portal.environment`; nothing else reads it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import dj_database_url
from celery.schedules import crontab, schedule
from csp.constants import NONCE, NONE, SELF

from portal.environment import BASE_DIR, Environment
from portal.logs import configure_structlog, logging_config

ENVIRONMENT = Environment()


def _kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use: the embedded default needs no configuration."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Whole before it has its name: processes that start together read the one that was first.
        with NamedTemporaryFile("w", dir=path.parent, prefix=path.name) as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()


# --- Process

DEBUG = ENVIRONMENT.debug
SECRET_KEY = (
    ENVIRONMENT.secret_key.get_secret_value()
    if ENVIRONMENT.secret_key
    else _kept_secret(ENVIRONMENT.home / "secret-key")
)
SECRET_KEY_FALLBACKS = [secret.get_secret_value() for secret in ENVIRONMENT.secret_key_fallbacks]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Before anything imports prometheus-client: it reads the variable as it is imported, and counts into files there.
_METRICS_DIR = ENVIRONMENT.metrics_dir or ENVIRONMENT.home / "metrics"
_METRICS_DIR.mkdir(parents=True, exist_ok=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_METRICS_DIR)
ONRAMP_METRICS_TOKEN = ENVIRONMENT.metrics_token.get_secret_value() if ENVIRONMENT.metrics_token else ""
ONRAMP_METRICS_NETWORKS = ENVIRONMENT.metrics_networks

configure_structlog()
LOGGING = logging_config(ENVIRONMENT.log_format)

INSTALLED_APPS = [
    "portal.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    # Which sessions somebody has, so that they can be ended.
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "django_structlog",
    "template_partials",
    "onboarding",
    "portal.apps.PortalConfig",
]

# A request's id goes along with the tasks it publishes.
DJANGO_STRUCTLOG_CELERY_ENABLED = True

# --- Hosts and transport

PUBLIC_URL = ENVIRONMENT.public_url
ALLOWED_HOSTS = [ENVIRONMENT.host, "localhost", "127.0.0.1", *ENVIRONMENT.internal_hosts]
CSRF_TRUSTED_ORIGINS = [ENVIRONMENT.public_url]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.trusted_proxies else None
SECURE_SSL_REDIRECT = ENVIRONMENT.is_https
# Probes come from inside, without TLS.
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if ENVIRONMENT.is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Of a body that is read as a whole; the largest that anybody has reason to send is a directory's group.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

MIDDLEWARE = [
    # Outside of all others: how long a request takes, with them.
    "onboarding.middleware.Measured",
    "onboarding.middleware.BrowserPolicies",
    "portal.middleware.Impatience",
    # Outside of what leads to TLS, and of what refuses it.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "onboarding.middleware.NoLeadingProgramsToTls",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "onboarding.middleware.NoLargeForms",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "onboarding.middleware.SessionLimits",
    # Every view asks for a sign-in unless it says otherwise.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "onboarding.read_only.ReadOnlyWhileViewing",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.LoggedRequests",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        # Signing in, and out, is a POST that ends at the identity provider.
        "form-action": [SELF, *ENVIRONMENT.sign_in_origins],
    }
}

# --- Sessions and cookies: in the database, so that pages answer while Redis is down

_SECURE = ENVIRONMENT.has_secure_cookies
_PREFIX = "__Host-" if _SECURE else ""
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = f"{_PREFIX}session"
# Absolute; onboarding/sessions.py holds every session to both limits.
SESSION_COOKIE_AGE = ENVIRONMENT.session_hours * 3600
ONRAMP_SESSION_IDLE_HOURS = ENVIRONMENT.session_idle_hours
SESSION_COOKIE_SECURE = _SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = f"{_PREFIX}csrf"
CSRF_COOKIE_SECURE = _SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "onboarding.views.errors.csrf_failure"
# Not a cookie of its own, as is the default.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SECURE = _SECURE
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 31_536_000

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        # Used SAML assertions are remembered here. Django's 300 would push some out on a busy morning.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# --- Sign-in: the company's identity provider and nothing else

AUTH_USER_MODEL = "onboarding.User"
AUTHENTICATION_BACKENDS = ["onboarding.adapters.Backend"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "setup"
ACCOUNT_ADAPTER = "onboarding.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "sign-in"
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxies
SOCIALACCOUNT_ONLY = True
SOCIALACCOUNT_ADAPTER = "onboarding.adapters.SocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 2.0
SOCIALACCOUNT_OPENID_CONNECT_URL_PREFIX = "oidc"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "SCOPE": list(ENVIRONMENT.oidc_scopes),
        "APPS": [
            {
                "provider_id": "corp",
                "name": f"{ENVIRONMENT.company} SSO".strip(),
                "client_id": ENVIRONMENT.oidc_client_id,
                "secret": ENVIRONMENT.oidc_client_secret.get_secret_value() if ENVIRONMENT.oidc_client_secret else "",
                "settings": {"server_url": ENVIRONMENT.oidc_issuer},
            }
        ]
        if ENVIRONMENT.oidc_issuer
        else [],
    },
    "saml": {
        "APPS": [
            {
                "provider_id": "corp-saml",
                "name": f"{ENVIRONMENT.company} SSO".strip(),
                "client_id": "corp",
                "settings": {
                    "idp": ENVIRONMENT.saml_provider,
                    "entity_id": ENVIRONMENT.saml_entity_id,
                    "email_attributes": ENVIRONMENT.saml_email_attributes,
                    "name_attributes": ENVIRONMENT.saml_name_attributes,
                    "groups_attributes": ENVIRONMENT.saml_groups_attributes,
                    "idp_initiated": ENVIRONMENT.saml_idp_initiated,
                },
            }
        ]
        if ENVIRONMENT.saml_provider
        else [],
    },
}
ONRAMP_OIDC_GROUPS_CLAIM = ENVIRONMENT.oidc_groups_claim
ONRAMP_OIDC_ROLES_CLAIM = ENVIRONMENT.oidc_roles_claim
ONRAMP_OIDC_ORIGINS = ENVIRONMENT.oidc_origins
ONRAMP_ADMIN_GROUPS = frozenset(ENVIRONMENT.admin_groups)
ONRAMP_AUDITOR_GROUPS = frozenset(ENVIRONMENT.auditor_groups)
ONRAMP_REQUIRED_GROUPS = frozenset(ENVIRONMENT.required_groups)
ONRAMP_COMPANY = ENVIRONMENT.company
ONRAMP_SECURITY_CONTACT = ENVIRONMENT.security_contact
ONRAMP_HISTORY_DAYS = ENVIRONMENT.history_days
ONRAMP_COST_EXPLORER_REQUESTS = ENVIRONMENT.cost_explorer_requests
ONRAMP_CREDENTIAL_HELPERS = ENVIRONMENT.credential_helpers

# --- Budgets, and how their alerts leave the portal

ONRAMP_BUDGET_THRESHOLDS = ENVIRONMENT.budget_thresholds
ONRAMP_SLACK_WEBHOOK = ENVIRONMENT.slack_webhook.get_secret_value() if ENVIRONMENT.slack_webhook else ""
ONRAMP_WEBHOOK_HOSTS = frozenset(host.lower() for host in ENVIRONMENT.webhook_hosts)
# Without a host there is no mail, rather than the one that Django guesses at on this machine.
EMAIL_HOST = ENVIRONMENT.smtp_host
EMAIL_PORT = ENVIRONMENT.smtp_port or {"starttls": 587, "tls": 465, "off": 25}[ENVIRONMENT.smtp_tls]
EMAIL_HOST_USER = ENVIRONMENT.smtp_user
EMAIL_HOST_PASSWORD = ENVIRONMENT.smtp_password.get_secret_value() if ENVIRONMENT.smtp_password else ""
EMAIL_USE_TLS = ENVIRONMENT.smtp_tls == "starttls"
EMAIL_USE_SSL = ENVIRONMENT.smtp_tls == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.mail_from or f"onramp@{ENVIRONMENT.host}"

# --- How often somebody may ask, in a minute

ONRAMP_PERSON_RATE = ENVIRONMENT.person_rate
ONRAMP_ADDRESS_RATE = ENVIRONMENT.address_rate
ONRAMP_TOKEN_RATE = ENVIRONMENT.token_rate

# --- Languages

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "onboarding" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

# --- Templates and static files

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "onboarding.context_processors.chrome",
            ],
        },
    }
]
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Nobody else loads them; the default lets everybody.
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MIMETYPES = {".svg": "image/svg+xml; charset=utf-8"}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Database

DATABASES = {
    "default": dj_database_url.parse(
        ENVIRONMENT.database_url or f"sqlite:///{ENVIRONMENT.home / 'onramp.sqlite3'}",
        conn_max_age=60,
        # Without it, pages fail after PostgreSQL restarts until each process has dropped its old connection.
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    _DATABASE_OPTIONS = {
        "timeout": 20,
        # Take the write lock at once: a read that turns into a write would fail at once instead of waiting.
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["ENGINE"] = "portal.postgresql"
    _DATABASE_OPTIONS = {
        "connect_timeout": 2,
        # Who answers nothing, not even in TCP, is gone after half a minute: a machine that lost its power, or a
        # firewall that forgot the connection. By itself, Linux asks after two hours, and gives up after a quarter of
        # an hour what it sent. Of a server that only stands still, TCP sees nothing wrong: see portal/postgresql.
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        "tcp_user_timeout": 30_000,
    }
# What DATABASE_URL says itself, such as sslmode, counts.
DATABASES["default"]["OPTIONS"] = {**_DATABASE_OPTIONS, **DATABASES["default"].get("OPTIONS", {})}

# --- Celery: Redis carries messages and nothing else; the row is the job

CELERY_BROKER_URL = ENVIRONMENT.redis_url
CELERY_TASK_IGNORE_RESULT = True
# A message is gone when its task has ended, not when it began: one whose worker was killed is handed out again.
CELERY_TASK_ACKS_LATE = True
# Also where only the worker's child was killed: Celery would count the task as failed, and drop its message.
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# No soft limit: a run that is ended here goes on where its findings stop, while an exception inside a check would
# pass for a fault of the check.
CELERY_TASK_TIME_LIMIT = 120
# A message that is not acknowledged for so long counts as lost. Longer than any task may run that no row guards. What
# a row guards may run longer, as a sweep does: its message comes again, finds the row held, and does nothing.
_VISIBILITY_TIMEOUT = 300
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY_TIMEOUT,
    # How often, in seconds, and in which of those times, a worker looks for what counts as lost. By default it is the
    # tenth of each ten seconds, so after up to 100.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # By default, a hung Redis is waited for without end.
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
# A worker waits for a broker that is down, as it starts and later, for as long as it takes.
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# With the connection, what a task would acknowledge is gone, and its message is handed out to somebody else.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
# What a worker has taken beside what it does, nobody else can do meanwhile.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# What is not done so long after SIGQUIT goes back to the queue.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A page does not wait for a broker that is down: the row is committed, the sweeper publishes it later.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_ROUTES = {
    name: {"queue": "sweeps"}
    for name in (
        "onboarding.republish_overdue",
        "onboarding.open_due_rechecks",
        "onboarding.sweep_everybody",
        "onboarding.run_sweep",
        "onboarding.forget_history",
        "onboarding.forget_expired",
        "onboarding.send_notification",
        # Alerts do not wait behind the reading of what they tell of, which may take an hour the first time.
        "onboarding.raise_alerts",
        "onboarding.send_alert",
        "onboarding.tell_of_stalls",
        "onboarding.refresh_everybody",
        "onboarding.refresh_stale",
        "onboarding.refresh_plan",
        "onboarding.forget_full_buckets",
        "onboarding.refresh_team",
    )
} | {
    name: {"queue": "costs"}
    for name in (
        "onboarding.catch_up",
        "onboarding.open_ingestions",
        "onboarding.open_late_ingestions",
        "onboarding.look_elsewhere",
        "onboarding.run_ingestion",
        "onboarding.forget_requests",
        "onboarding.open_billing_fetches",
        "onboarding.fetch_billed",
    )
}
# One beat or two: portal/beat.py sends each run once. An entry's messages expire: a lost one is sent again then, and
# where nobody works, they do not pile up.
# Whether one has expired, the worker's clock says, and that may be ten minutes ahead. So none is good for less, also
# not of an entry that comes more often: several of one of those at once find nothing more to do than one.
_OUTLIVES_CLOCKS = 900
CELERY_BEAT_SCHEDULER = "portal.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "raise-alerts": {
        "task": "onboarding.raise_alerts",
        "schedule": crontab(minute="7-59/15"),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "tell-of-stalls": {
        "task": "onboarding.tell_of_stalls",
        "schedule": crontab(minute="2-59/15"),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "republish-overdue": {
        "task": "onboarding.republish_overdue",
        "schedule": schedule(10),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "open-due-rechecks": {
        "task": "onboarding.open_due_rechecks",
        "schedule": schedule(60),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "sweep-everybody": {
        "task": "onboarding.sweep_everybody",
        # At night where most of the company sleeps; UTC.
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=10),
        "options": {"expires": 1800},
    },
    "forget-history": {
        "task": "onboarding.forget_history",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=5),
        "options": {"expires": 1800},
    },
    "refresh-everybody": {
        "task": "onboarding.refresh_everybody",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=40),
        "options": {"expires": 1800},
    },
    "refresh-stale": {
        "task": "onboarding.refresh_stale",
        "schedule": schedule(300),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "open-ingestions": {
        "task": "onboarding.open_ingestions",
        "schedule": schedule(300),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "open-late-ingestions": {
        "task": "onboarding.open_late_ingestions",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=30),
        "options": {"expires": 1800},
    },
    "look-elsewhere": {
        "task": "onboarding.look_elsewhere",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=50),
        "options": {"expires": 1800},
    },
    "open-billing-fetches": {
        "task": "onboarding.open_billing_fetches",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=45),
        "options": {"expires": 1800},
    },
    "forget-expired": {
        "task": "onboarding.forget_expired",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=20),
        "options": {"expires": 1800},
    },
    "forget-full-buckets": {
        "task": "onboarding.forget_full_buckets",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": _OUTLIVES_CLOCKS},
    },
    "forget-requests": {
        "task": "onboarding.forget_requests",
        "schedule": crontab(hour=ENVIRONMENT.nightly_hour, minute=15),
        "options": {"expires": 1800},
    },
}
