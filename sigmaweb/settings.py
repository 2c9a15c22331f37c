"""Django's settings, for a laptop and for many machines alike: what differs comes from the environment.

Why each value is what it is stands beside it; docs/deploy.md lists the variables that an operator may set.
"""

from __future__ import annotations

import sys
from datetime import timedelta

import dj_database_url

from sigmaweb.environment import PROJECT, EnvironmentProblem, read_environment, secret_key

try:
    ENVIRONMENT = read_environment()
    SECRET_KEY = secret_key(ENVIRONMENT.data)
except EnvironmentProblem as problem:
    sys.exit(str(problem))

DATA_DIR = ENVIRONMENT.data
EVIDENCE_DIR = DATA_DIR / "evidence"

DEBUG = False
ALLOWED_HOSTS = list(ENVIRONMENT.allowed_hosts)
ROOT_URLCONF = "sigmaweb.urls"
WSGI_APPLICATION = "sigmaweb.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "axes",
    "sigmaweb",
    "rules_app",
    "scans_app",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "sigmaweb.middleware.response_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "scans_app.middleware.BeingDeletedMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sigmaweb.theme.theme",
            ],
        },
    }
]

# --- The database -------------------------------------------------------------------------------------
SQLITE_OPTIONS = {
    "timeout": 20,
    # A transaction that reads first and writes later would fail at once when another process wrote in
    # between; IMMEDIATE waits its turn at the beginning instead.
    "transaction_mode": "IMMEDIATE",
    # No mmap: several writing processes over a mapped file turned a WAL reset into corruption.
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
        "PRAGMA journal_size_limit=67108864; PRAGMA cache_size=-20000;"
        # 32 MB: a scan's hits touch the same pages of indexes again and again, which so go into the file once.
        "PRAGMA wal_autocheckpoint=8000"
    ),
}
# A worker that stops in the middle of a transaction holds locks that others wait for: when its lease is over,
# its work is another's, and so are the locks.
POSTGRESQL_OPTIONS = {
    "options": "-c statement_timeout=30s -c lock_timeout=5s"
    f" -c idle_in_transaction_session_timeout={ENVIRONMENT.lease_seconds}s"
}

DATABASES = {
    "default": dj_database_url.parse(
        ENVIRONMENT.database_url or f"sqlite:///{DATA_DIR / 'sigmaweb.sqlite3'}",
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = SQLITE_OPTIONS
    # A file, not memory: the tests' workers and browsers are other processes and must see the same rows.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update(POSTGRESQL_OPTIONS)

# With IMMEDIATE every atomic request would take the write lock, even one that only reads.
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Who may come in ----------------------------------------------------------------------------------
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SIGN_IN_LINK_LIFETIME = timedelta(hours=1)

# Five wrong passwords for a name from one address: that pair waits 15 minutes, everybody else does not.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked.html"
AXES_HTTP_RESPONSE_CODE = 429
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.tls
# Browsers drop __Host- cookies on plain http, so the names follow the scheme.
SESSION_COOKIE_NAME = "__Host-sigmaweb" if ENVIRONMENT.tls else "sigmaweb"
CSRF_COOKIE_NAME = "__Host-sigmaweb-csrf" if ENVIRONMENT.tls else "sigmaweb-csrf"
CSRF_FAILURE_VIEW = "sigmaweb.views.csrf_failure"
if ENVIRONMENT.tls:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

# Uploads of evidence stream to disk; these bound what is not a file.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1_000
FILE_UPLOAD_TEMP_DIR = None
FILE_UPLOAD_PERMISSIONS = 0o440

# --- Words, times, files ------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [PROJECT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# In a cookie, not the session: showing a message must not make a GET write into the database.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- The jobs -----------------------------------------------------------------------------------------
WORKERS = ENVIRONMENT.workers
WORKER_MEMORY = ENVIRONMENT.worker_memory
LEASE_SECONDS = ENVIRONMENT.lease_seconds
HEARTBEAT_SECONDS = ENVIRONMENT.heartbeat_seconds
REAP_SECONDS = ENVIRONMENT.reap_seconds

# The rows are the truth and a message is only a doorbell, so it is acknowledged early: a lost one is rung
# again by the reaper, a late acknowledgement would only add repeats.
REDIS_URL = ENVIRONMENT.redis_url
CELERY_BROKER_URL = ENVIRONMENT.broker_url
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 660  # seconds; a backstop: all work is in short slices
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True  # a busy worker must not hoard doorbells
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False  # the fence in the row protects
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 2.0  # `up` ends everything within 5 s; a unit goes on at its checkpoint
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_MAX_MEMORY_PER_CHILD = WORKER_MEMORY * 1000  # KiB, a little less; looked at between two tasks
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 30,
    "retry_on_timeout": True,
    "health_check_interval": 25,
    "global_keyprefix": "sigmaweb:",
}
CELERY_BEAT_SCHEDULER = "sigmaweb.beat.SeenScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE = {
    "reap": {"task": "scans_app.tasks.reap", "schedule": float(REAP_SECONDS)},
    "resume_imports": {"task": "rules_app.tasks.resume_imports", "schedule": 3.0 * REAP_SECONDS},
    "sweep": {"task": "scans_app.tasks.sweep", "schedule": 3600.0},  # what killed uploads left behind
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "axes": {"level": "WARNING"},
        # Doorbells come by the hundred and say nothing; what fails is still said.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
