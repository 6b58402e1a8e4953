"""All settings, read top to bottom. Every switch comes from the environment; a wrong value stops the start."""

import re
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.contrib.messages import constants as message_levels
from pydantic import AfterValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wfconsole.addresses import is_database, is_http, read_links
from wfconsole.logs import logging_config
from wfconsole.mail import check_mail, mail_settings
from wfconsole.private_files import make_private, tighten_database
from wfconsole.secret_key import stored_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
EX_CONFIG = 78  # the exit code for a wrong setting, as in sysexits.h


# --- The environment ------------------------------------------------------------------------------


class Environment(BaseSettings):
    """What the surroundings may set. Each name is the variable's own, in lower case."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, case_sensitive=False)

    # Where the database, the secret key and the executor's lock live; made when absent.
    wfconsole_data_dir: Path = BASE_DIR / "var"
    # Signs sessions. Absent: made once and stored in the data folder.
    wfconsole_secret_key: str | None = Field(default=None, min_length=32)
    # The first administrator's password. Absent: random, printed once.
    wfconsole_admin_password: str | None = Field(default=None, min_length=8)
    # A bootstrap token with operator rights; stored hashed.
    wfconsole_api_token: str | None = Field(default=None, min_length=16)
    # Requests a second that the HTTP API answers each caller, with a minute's worth to spare.
    wfconsole_api_requests_per_second: int = Field(default=1000, ge=1, le=1_000_000)
    # Lets Prometheus read /metrics. Absent: only a person who is signed in can.
    wfconsole_metrics_token: str | None = Field(default=None, min_length=16)
    # Python modules whose workflows can be run, comma-separated.
    wfconsole_workflows: str = "runs.workflows"
    # Host names that the console answers to, comma-separated.
    wfconsole_allowed_hosts: str = "localhost,127.0.0.1,[::1]"
    # Shows tracebacks and reloads templates. Never on a machine that others can reach.
    wfconsole_debug: bool = False
    # The largest request body in bytes, and so the largest input of a run.
    wfconsole_max_body_bytes: int = Field(default=4_718_592, ge=1024, le=1_073_741_824)
    # How many seconds a request may take to arrive; a larger one as many more as 4 kB a second give.
    wfconsole_receive_seconds: int = Field(default=30, ge=1, le=3600)
    # "normal" survives kill -9; "full" also survives the loss of power, at about half the speed.
    wfconsole_sqlite_synchronous: Literal["normal", "full"] = "normal"
    # Who runs workflows: "embedded", the web server itself. Of several servers on one data folder or one PostgreSQL
    # database one does, and another takes over when it ends. "workers" is reserved, and refused.
    wfconsole_executor: Literal["embedded", "workers"] | None = None
    # How many runs one executor works on at the same time.
    wfconsole_concurrency: int = Field(default=100, ge=1, le=10_000)
    # How often the server process may end while one step of a run is at work, before that run fails.
    wfconsole_max_step_crashes: int = Field(default=3, ge=1, le=1_000_000)
    # Hosts that the step http_request may ask: names, *.example.org for all below, * for any.
    wfconsole_http_hosts: str = "*"
    # Private networks that it may ask, too, such as 10.1.0.0/16,127.0.0.1. Without one here, public addresses alone.
    wfconsole_http_private_networks: str = ""
    # The largest response that it reads, in bytes.
    wfconsole_http_max_bytes: int = Field(default=1_048_576, ge=1024, le=1_073_741_824)
    # The lowest level of what steps log that is stored with their run.
    wfconsole_run_log_level: Literal["debug", "info", "warning", "error"] = "info"
    # How many log lines are stored of one run, and how many bytes of one line.
    wfconsole_run_log_lines: int = Field(default=10_000, ge=0, le=1_000_000)
    wfconsole_run_log_line_bytes: int = Field(default=8_192, ge=256, le=1_048_576)
    # How the server's own log is written: "console" for people, "json" for programs, an object on each line.
    wfconsole_log_format: Literal["console", "json"] = "console"
    # How e-mails leave: smtp://user:password@host:port (with STARTTLS), smtps://…, file:///folder, console:
    wfconsole_email_url: Annotated[str, AfterValidator(check_mail)] | None = None
    wfconsole_email_from: str = "wfconsole@localhost"
    # Where people reach the console; for links in e-mails and webhooks. Absent: the server's own address.
    wfconsole_public_url: str | None = None
    # A name for this installation, shown beside the product's.
    wfconsole_name: str = Field(default="", max_length=24)
    # sqlite:///path or postgres://user:password@host:port/name?sslmode=require; what follows ? goes to libpq
    database_url: str | None = None
    # Carries wake-ups between several web servers; without it PostgreSQL's NOTIFY does.
    redis_url: str | None = None
    # Where spans go, by OTLP over HTTP. These three are OpenTelemetry's own names; its others are honoured, too.
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_exporter_otlp_protocol: Literal["http/protobuf"] | None = None
    # Ways to a trace in other programs: Name=https://…{trace_id}…, also with {span_id}, {run_id}, {start_ms}, {end_ms}.
    wfconsole_trace_links: str = ""

    @field_validator("wfconsole_workflows", "wfconsole_allowed_hosts")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not [part for part in value.split(",") if part.strip()]:
            raise ValueError("at least one name, separated by commas")
        return value

    @field_validator("wfconsole_http_private_networks")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        try:
            for name in _names(value):
                ip_network(name)
        except ValueError:
            raise ValueError("networks such as 10.1.0.0/16 or 127.0.0.1, separated by commas") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str | None) -> str | None:
        if value is not None and not is_database(value):
            raise ValueError("sqlite:///path or postgres://user:password@host:port/name")
        return value

    @field_validator("wfconsole_trace_links")
    @classmethod
    def _known_links(cls, value: str) -> str:
        read_links(value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("redis://host:port/number, rediss:// or unix://")
        return value

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint", "wfconsole_public_url")
    @classmethod
    def _known_collector(cls, value: str | None) -> str | None:
        if value and not is_http(value):
            raise ValueError("http://host:port or https://host:port")
        return value


def _environment() -> Environment:
    """The environment, checked; or one line for each wrong variable, and the end of the process."""
    try:
        return Environment()
    except ValidationError as error:
        for issue in error.errors():
            # Pydantic's words without their frame: "Input should be a valid integer, unable to parse …".
            allowed = re.sub(r"^(Value error, |Input should be |String should have )|, unable to .*", "", issue["msg"])
            _say_wrong(str(issue["loc"][0]).upper(), issue["input"], allowed)
        raise SystemExit(EX_CONFIG) from None


def _say_wrong(variable: str, value: object, allowed: str) -> None:
    shown = repr(re.sub(r"//[^/@]*@", "//…@", str(value)))  # no password of an address in a log
    if any(word in variable for word in ("KEY", "PASSWORD", "TOKEN")):
        shown = f"{len(str(value))} characters long"
    sys.stderr.write(f"wfconsole: {variable} is {shown}; allowed: {allowed}\n")


def _refuse(variable: str, value: object, allowed: str) -> NoReturn:
    _say_wrong(variable, value, allowed)
    raise SystemExit(EX_CONFIG)


def _names(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


ENV = _environment()

# --- Data folder and secret key -------------------------------------------------------------------

DATA_DIR = ENV.wfconsole_data_dir.resolve()
try:
    make_private(DATA_DIR)
except OSError as error:
    _refuse("WFCONSOLE_DATA_DIR", str(DATA_DIR), f"a folder that can be written ({error.strerror})")


try:
    SECRET_KEY = ENV.wfconsole_secret_key or stored_secret_key(DATA_DIR)
except OSError as error:
    _refuse("WFCONSOLE_DATA_DIR", str(DATA_DIR), f"a folder that can be written ({error.strerror})")
if not SECRET_KEY:
    _refuse("WFCONSOLE_DATA_DIR", str(DATA_DIR), "a folder whose file secret_key is not empty; remove that file")
DEBUG = ENV.wfconsole_debug
ALLOWED_HOSTS = _names(ENV.wfconsole_allowed_hosts)

# --- wfconsole's own settings ---------------------------------------------------------------------

WORKFLOW_MODULES = _names(ENV.wfconsole_workflows)
CONSOLE_NAME = ENV.wfconsole_name
API_TOKEN = ENV.wfconsole_api_token
API_REQUESTS_PER_SECOND = ENV.wfconsole_api_requests_per_second
METRICS_TOKEN = ENV.wfconsole_metrics_token
TRACE_LINKS = read_links(ENV.wfconsole_trace_links)
CONCURRENCY = ENV.wfconsole_concurrency
MAX_STEP_CRASHES = ENV.wfconsole_max_step_crashes
MAX_BODY_BYTES = ENV.wfconsole_max_body_bytes
RECEIVE_SECONDS = ENV.wfconsole_receive_seconds
HTTP_HOSTS = _names(ENV.wfconsole_http_hosts)
HTTP_PRIVATE_NETWORKS = _names(ENV.wfconsole_http_private_networks)
HTTP_MAX_BYTES = ENV.wfconsole_http_max_bytes
MAX_JSON_DEPTH = 100  # levels of nesting in any JSON that a person or a program sends
MAX_TAGS = 50  # tags of one run
MAX_TAG_LENGTH = 100  # characters
MAX_CHUNKS = 1_000_000  # events of one run, beyond which it may write no chunk
MAX_QUEUED_PER_USER = 10_000  # runs of one person that wait to start

# --- Database -------------------------------------------------------------------------------------


def _sqlite(path: str) -> dict[str, Any]:
    synchronous = ENV.wfconsole_sqlite_synchronous.upper()
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,  # opening a connection and its pragmas costs half a millisecond
        "OPTIONS": {
            # A transaction that reads first and then writes cannot wait for the lock: take it at once.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                f"PRAGMA journal_mode=WAL;PRAGMA synchronous={synchronous};PRAGMA cache_size=-2048;"
                "PRAGMA mmap_size=0;PRAGMA journal_size_limit=67108864;PRAGMA temp_store=MEMORY;"
                # The executor moves the log into the database, in a thread; a page that writes shall not have to.
                "PRAGMA wal_autocheckpoint=8000;"
            ),
        },
        # Threads and processes of the tests share the database, so it is a file there, too.
        "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")},
    }


_url = ENV.database_url
if _url is None:
    DATABASES: dict[str, dict[str, Any]] = {"default": _sqlite(str(DATA_DIR / "wfconsole.sqlite3"))}
elif _url.startswith("sqlite"):
    _file = Path(unquote(urlsplit(_url).path.removeprefix("/"))).resolve()
    if not _file.parent.is_dir():
        _refuse("DATABASE_URL", _url, "a file in a folder that exists")
    DATABASES = {"default": _sqlite(str(_file))}
else:
    DATABASES = {"default": {**dj_database_url.parse(_url, conn_max_age=None, conn_health_checks=True)}}

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    tighten_database(Path(DATABASES["default"]["NAME"]))

ON_POSTGRESQL = DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql"
EXECUTOR = ENV.wfconsole_executor or "embedded"
if EXECUTOR != "embedded":
    _refuse("WFCONSOLE_EXECUTOR", EXECUTOR, "embedded; worker processes of their own do not come with this version")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications and the way of a request --------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "axes",
    "django_htmx",
    "runs",
]
if "runserver" in sys.argv:
    # Makes runserver an ASGI one. It imports all of Twisted, a third of a second that no other command needs.
    INSTALLED_APPS.insert(0, "daphne")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "wfconsole.middleware.secure_cookies.SecureCookies",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wfconsole.middleware.request_span.RequestSpan",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "wfconsole.middleware.sign_in_required.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "wfconsole.middleware.body_limit.BodyLimit",
    "wfconsole.middleware.database_errors.DatabaseErrors",
    "axes.middleware.AxesMiddleware",  # last, as its documentation asks
]

ROOT_URLCONF = "wfconsole.urls"
ASGI_APPLICATION = "wfconsole.asgi.application"
APPEND_SLASH = True

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
                "runs.views.frame.frame",
            ],
        },
    },
]

# A message of the layer only says "look again", so the in-memory one loses nothing that matters.
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
if ENV.redis_url:
    CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [ENV.redis_url]}}
    }

# --- People and security --------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "runs.models.rights.RightsBackend"]
AUTHENTICATION_BACKENDS += ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"

# Ten wrong passwords for one name from one address close that pair for a quarter of an hour.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "runs/sign_in/locked.html"
AXES_VERBOSE = False

# Behind a proxy that ends TLS and says so, cookies are for HTTPS alone.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# One policy, without nonces: nothing inline, nothing from elsewhere. `data:` is for Tabler's own icons.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # an input of some thousand array items is one field each

# --- Words, times, files --------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
MESSAGE_TAGS = {message_levels.ERROR: "failed", message_levels.SUCCESS: "success"}

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # served from where they are: no collectstatic step
WHITENOISE_AUTOREFRESH = DEBUG

# --- Logging --------------------------------------------------------------------------------------

globals().update(mail_settings(ENV.wfconsole_email_url, ENV.wfconsole_email_from, is_debug=DEBUG))
LOGGING = logging_config(ENV.wfconsole_log_format, ENV.wfconsole_run_log_level)
