"""What every page shows around its content: the side bar, the theme, who is signed in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from runs.engine.data.clock import now_ms
from runs.executor import dispatch
from runs.templatetags.console import zone_name

from .access import SEE
from .inbox import MOST_COUNTED, waiting_count

THEMES = ("auto", "light", "dark")
# Preferences are stored in cookies: the server renders them, and no script has to. The first is the default.
PREFERENCES = {"theme": THEMES, "keys": ("on", "off")}
YEAR_SECONDS = 365 * 24 * 3600

# Which entry of the side bar a page belongs to, by the first part of its path.
ROOMS = {
    "": "home",
    "runs": "runs",
    "inbox": "inbox",
    "workflows": "workflows",
    "steps": "workflows",
    "system": "system",
    "webhooks": "webhooks",
}


def frame(request: HttpRequest) -> dict[str, object]:
    """The context of base.html. What costs anything is looked up when the template first asks for it."""
    user = getattr(request, "user", None)
    return {
        "console_name": settings.CONSOLE_NAME,
        "themes": THEMES,
        **{name: _preferred(request, name) for name in PREFERENCES},
        "now_ms": now_ms(),
        "zone": zone_name(timezone.localtime()),
        "room": ROOMS.get(request.path.split("/")[1], ""),
        "initials": _initials(user.get_full_name() or user.get_username()) if user and user.is_authenticated else "",
        "executor_word": SimpleLazyObject(_executor_word),
        "waiting_count": SimpleLazyObject(lambda: _waiting_word(user)),
    }


def _preferred(request: HttpRequest, name: str) -> str:
    value, allowed = request.COOKIES.get(name), PREFERENCES[name]
    return value if value in allowed else allowed[0]


def _waiting_word(user) -> str:
    """How many runs wait for a person; "" for none, or when this person may not see runs."""
    count = waiting_count() if user is not None and user.has_perm(SEE) else 0
    return f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count or "")


def _executor_word() -> str:
    return "1 worker" if dispatch.executor_is_alive() else "not running"


def _initials(name: str) -> str:
    words = name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@require_POST
def preference(request: HttpRequest) -> HttpResponse:
    """Keep what the form says in cookies, and go back to the page."""
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = redirect(target)
    for name, allowed in PREFERENCES.items():
        if request.POST.get(name) in allowed:
            response.set_cookie(name, request.POST[name], max_age=YEAR_SECONDS, samesite="Lax", httponly=True)
    return response
