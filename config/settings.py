"""Every setting, in the order of Django's documentation; the environment is read here only."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from tracker.private import PrivateConnection

# Lets classes such as ModelAdmin[Campaign] name their types where Django itself does not.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
# A variable of the real environment wins over the file, which `make run` writes once.
env.read_env(BASE_DIR / ".env")


def env_bool(name: str, default: bool) -> bool:
    """A typing slip in a switch stops the start instead of meaning "off"."""
    text = env.str(name, default=str(default))
    if text not in ("True", "False"):
        raise ImproperlyConfigured(f"{name} is {text!r}: write True or False.")
    return bool(text == "True")


def env_int(name: str, default: int, *, least: int) -> int:
    text = env.str(name, default=str(default))
    if not text.isdecimal() or int(text) < least:
        raise ImproperlyConfigured(f"{name} is {text!r}: write a whole number, {least} or more.")
    return int(text)


def env_secret(name: str) -> str:
    text = env.str(name, default="")
    if len(text) < 32:
        raise ImproperlyConfigured(
            f"{name} is missing or shorter than 32 characters. Set it in the environment or in "
            f"the file .env; `make .env` writes one with a random value."
        )
    return str(text)


def env_networks(name: str) -> list[str]:
    networks = env.list(name, default=[])
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} holds {network!r}: {error}.") from error
    return list(networks)


def env_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    text = env.str(name, default=default)
    if text not in choices:
        raise ImproperlyConfigured(f"{name} is {text!r}: write {' or '.join(choices)}.")
    return str(text)


def env_time_zone(name: str, default: str) -> str:
    zone = env.str(name, default=default)
    if zone not in available_timezones():
        raise ImproperlyConfigured(f"{name} is {zone!r}: write a zone such as Europe/Berlin.")
    return str(zone)


# Core

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_secret("SECRET_KEY")
# Former values: sessions and tombstones of erased people that they signed stay valid.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname or _public.query:
    raise ImproperlyConfigured(
        f"PUBLIC_URL is {PUBLIC_URL!r}: write the address under which mail clients reach this "
        f"server, such as https://t.example.com"
    )
_is_https = _public.scheme == "https"
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", _public.hostname]
)
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
INSTALLED_APPS = [
    "config.apps.GlimpseAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "campaigns",
    "tracker",
]
MIDDLEWARE = [
    # First: whatever reads the peer's address or scheme comes after it.
    "tracker.middleware.TrustedProxyMiddleware",
    # Early, so that refusals, too, are in the reader's language.
    "tracker.middleware.LanguageMiddleware",
    # Before whatever else changes a page's text.
    "tracker.middleware.CompressedPagesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # No page is public unless its view says so.
    "tracker.middleware.LoginUnlessPublicMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Last, as its own documentation asks: it replaces the answer to a locked-out log-in.
    "axes.middleware.AxesMiddleware",
]
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
            ],
        },
    },
]

# Databases

_database_url = env.str("DATABASE_URL", default="") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}"
DATABASES = {"default": env.db_url_config(_database_url)}
_engine = DATABASES["default"].get("ENGINE")
_options = DATABASES["default"].setdefault("OPTIONS", {})
if _engine == "django.db.backends.sqlite3":
    # Writers queue instead of failing, readers never wait, and a commit is on the disk when it
    # returns (FULL): an answered hit has to survive a power cut.
    _options.setdefault("transaction_mode", "IMMEDIATE")
    _options.setdefault("timeout", 20)
    # A file that is made now is its owner's alone.
    _options.setdefault("factory", PrivateConnection)
    # What is freed is overwritten, so that nobody reads an erased address in the file.
    _options.setdefault(
        "init_command",
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
    )
elif _engine == "django.db.backends.postgresql":
    # The pages run in many short threads: they share these connections. The writer has its own.
    _options["pool"] = {
        "min_size": 0,
        "max_size": env_int("DATABASE_POOL_SIZE", 16, least=1),
        "timeout": 3,  # seconds until a page says that the database is away
    }
    _options.setdefault("connect_timeout", 3)
else:
    raise ImproperlyConfigured("DATABASE_URL has to name PostgreSQL 15 or newer, or SQLite.")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Email and files: nothing yet

FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# Tasks: which import to work on waits in the database; tracker.importing does the rest.

TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        # Each machine has a queue of its own, named after its folder: any name is allowed.
        "QUEUES": [],
    }
}

# Globalisation

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 31_536_000  # seconds
LANGUAGE_COOKIE_SECURE = _is_https
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = env_time_zone("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]

# Logging

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(f"LOG_LEVEL is {LOG_LEVEL!r}: write DEBUG, INFO, WARNING or ERROR.")
LOG_FORMAT = env.str("LOG_FORMAT", default="text").lower()
if LOG_FORMAT not in ("text", "json"):
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}: write text or json.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "config.logs.TextFormatter"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "filters": {"refusals": {"()": "config.logs.RefusalsInOneLine"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["refusals"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # It says at every start that it is there.
        "axes": {"level": "WARNING"},
        # Each scanner that asks for another host's pages would leave a traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # Says on every try what the error says in the end.
        "psycopg.pool": {"level": "ERROR"},
    },
}

# Security. The address that the public sees decides whether cookies may travel unencrypted.

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = _is_https
# Probes and mail clients get their answer whatever scheme they came by.
SECURE_REDIRECT_EXEMPT = [r"^o/", r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env_int("HSTS_SECONDS", 31_536_000, least=0) if _is_https else 0
# Other subdomains are other people's: binding them, for a year, is for their owner to decide.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env_bool("HSTS_SUBDOMAINS", False)
if not SECURE_HSTS_INCLUDE_SUBDOMAINS:
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# TrustedProxyMiddleware takes this header away from everyone but TRUSTED_PROXIES.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
CSRF_FAILURE_VIEW = "tracker.pages.refused.form_refused"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [NONE],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
    }
}

# Sessions and log-in

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "campaigns.permissions.AccountBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "campaign_list"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True

# Static files

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Glimpse's own

# Signs the tokens in pixel URLs. A pixel lives in mailboxes for ever: when the key changes, the
# old one moves to the fallbacks and stays there.
PIXEL_KEY = env_secret("PIXEL_KEY") if "PIXEL_KEY" in env else SECRET_KEY
PIXEL_KEY_FALLBACKS = env.list("PIXEL_KEY_FALLBACKS", default=[])
# Networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto are believed.
TRUSTED_PROXIES = env_networks("TRUSTED_PROXIES")
# Where hits wait on the local disk while the database is away; each machine needs its own.
SPOOL_DIR = env.path("SPOOL_DIR", default=str(BASE_DIR / "spool"))()
# Where uploaded lists wait until they are imported; nobody else may read it.
IMPORT_DIR = env.path("IMPORT_DIR", default=str(BASE_DIR / "imports"))()
# The largest list that is taken, in megabytes.
IMPORT_MOST_MB = env_int("IMPORT_MOST_MB", 2_000, least=1)
# Domains that only an office's own mail server knows (office.local): imported all the same.
INTERNAL_DOMAINS = [one.strip(" .").lower() for one in env.list("INTERNAL_DOMAINS", default=[])]
# Exact lists of the networks of mail services, as `refresh_networks` keeps them.
NETWORKS_DIR = env.path("NETWORKS_DIR", default=str(BASE_DIR / "networks"))()
# The most hits of one pixel that a process records in a minute; 0: all.
PIXEL_CEILING = env_int("PIXEL_CEILING", 1_000, least=0)
# How many whole months before this one keep addresses and user agents, and opens; 0: for ever.
KEEP_EVIDENCE_MONTHS = env_int("KEEP_EVIDENCE_MONTHS", 0, least=0)
KEEP_OPENS_MONTHS = env_int("KEEP_OPENS_MONTHS", 0, least=0)
# What is recorded of recipients who have not chosen, in campaigns that do not say: identified,
# anonymous or off. After a change: `manage.py apply_tracking`.
TRACKING_DEFAULT = env_choice("TRACKING_DEFAULT", "identified", ("identified", "anonymous", "off"))
# What a request with Sec-GPC: 1 or DNT: 1 becomes.
PRIVACY_SIGNALS = env_choice("PRIVACY_SIGNALS", "ignore", ("ignore", "anonymous", "off"))
# What of a hit is stored once it was judged; truncated: /24 and /48.
KEEP_ADDRESS = env_choice("KEEP_ADDRESS", "full", ("full", "truncated", "none"))
KEEP_AGENT = env_choice("KEEP_AGENT", "full", ("full", "none"))
# Bearer token that may read /metrics; empty: only administrators may.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN is shorter than 20 characters: it could be guessed.")
