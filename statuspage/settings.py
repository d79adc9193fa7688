"""Django's settings. What an operator may change comes from the environment: `statuspage/environment.py`."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from statuspage.environment import WrongEnvironment, read_environment

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    ENVIRONMENT = read_environment(BASE_DIR)
except WrongEnvironment as problem:
    raise ImproperlyConfigured(str(problem)) from None

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
PUBLIC_URL = ENVIRONMENT.public_url
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
DATA_DIR = ENVIRONMENT.data_dir
SNAPSHOT_DIR = DATA_DIR / "snapshot"
OUTBOX_DIR = DATA_DIR / "outbox"
JOURNAL_DIR = DATA_DIR / "journal"
MAIL_SERVER = ENVIRONMENT.mail_server
DEFAULT_FROM_EMAIL = ENVIRONMENT.mail_from
BOUNCE_ADDRESS = ENVIRONMENT.bounce_address
BOUNCE_MAILBOX = ENVIRONMENT.bounce_mailbox
SIGN_UPS_PER_HOUR = ENVIRONMENT.sign_ups_per_hour
FORGET_NOTICES_AFTER_DAYS = ENVIRONMENT.forget_notices_after_days
EMAIL_CONNECTIONS = ENVIRONMENT.mail_connections
EMAIL_PER_CONNECTION = ENVIRONMENT.mail_per_connection
EMAIL_PER_MINUTE = ENVIRONMENT.mail_per_minute
EMAIL_PER_MINUTE_PER_DOMAIN = ENVIRONMENT.mail_per_minute_to_domain

INSTALLED_APPS = [
    "statuspage.apps.StatuspageAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_q",
    "statuspage",
    "incidents",
    "publishing",
    "subscriptions",
    "terminal",
]

# A mail provider's webhooks, for those who want them: its package is optional.
ANYMAIL = ENVIRONMENT.anymail
if ANYMAIL:
    INSTALLED_APPS.append("anymail")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "statuspage.bodies.only_utf8",
    "csp.middleware.CSPMiddleware",
    "subscriptions.middleware.without_cookies",
    "subscriptions.middleware.in_the_language_of_the_page",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "statuspage.logins.say_when",
]

ROOT_URLCONF = "statuspage.urls"
WSGI_APPLICATION = "statuspage.wsgi.application"

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
                "incidents.brand.for_templates",
            ],
        },
    },
]

DATABASES = {"default": ENVIRONMENT.database}
if ENVIRONMENT.database["ENGINE"] == "django.db.backends.sqlite3":
    # Without these, half of the writes of a busy worker fail (docs/architecture.md, "Database").
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA journal_size_limit=27103364;",
    }
    # A file, also under test: threads and child processes must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, **DATABASES["default"].get("OPTIONS", {})}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # django-q2's heartbeats: every process has to see them, and they must not need the database.
    "q": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": DATA_DIR / "cache"},
}

# A doorbell, never the ledger. Why each value: docs/architecture.md, "The worker".
Q_CLUSTER = {
    "name": "statuspage",
    "orm": "default",
    "workers": 2,
    "queue_limit": 2,
    "timeout": 57,
    "retry": 600,
    "ack_failures": True,
    "max_attempts": 1,
    "catch_up": False,
    "save_limit": 250,
    "poll": 0.2,
    "guard_cycle": 1,
    "cache": "q",
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en-gb"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # no collectstatic step before the first page

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [SELF],
    }
}
# Django is reached through the snapshot server alone, which says how the reader came (X-Forwarded-Proto).
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "statuspage.errors.csrf_failure"
X_FRAME_OPTIONS = "SAMEORIGIN"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django-q": {"level": "WARNING"},
        "flufl.bounce": {"level": "CRITICAL"},  # it logs the errors of its detectors, which it expects
        "incidents": {"level": "INFO"},
        "publishing": {"level": "INFO"},
        "subscriptions": {"level": "INFO"},
    },
}
