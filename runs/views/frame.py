"""What every page shows around its content: the side bar, the theme, who is signed in."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from runs.execution import dispatch
from runs.templatetags.console import zone_name

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
YEAR_SECONDS = 365 * 24 * 3600

# Which entry of the side bar a page belongs to, by the first part of its path.
ROOMS = {"": "home", "runs": "runs", "workflows": "workflows", "system": "system"}


@dataclass(frozen=True)
class Frame:
    """The words of the frame that cost a look at the database or at the executor."""

    executor_word: str

    @classmethod
    def now(cls) -> "Frame":
        state = dispatch.executor_state()
        if not state.alive:
            return cls("not running")
        return cls(f"{state.workers} workers" if state.workers != 1 else "1 worker")


def frame(request: HttpRequest) -> dict[str, object]:
    """The context of base.html. What costs anything is looked up when the template first asks for it."""
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    theme = theme if theme in THEMES else "auto"
    user = getattr(request, "user", None)
    lazy = SimpleLazyObject(Frame.now)
    return {
        "console_name": settings.CONSOLE_NAME,
        "theme": theme,
        "themes": THEMES,
        "zone": zone_name(timezone.localtime()),
        "room": ROOMS.get(request.path.split("/")[1], ""),
        "initials": _initials(user.get_full_name() or user.get_username()) if user and user.is_authenticated else "",
        "executor_word": SimpleLazyObject(lambda: lazy.executor_word),
    }


def _initials(name: str) -> str:
    words = name.split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme in a cookie, so that the server renders it and no script has to."""
    wanted = request.POST.get("theme", "auto")
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    response = redirect(target)
    if wanted in THEMES:
        response.set_cookie(THEME_COOKIE, wanted, max_age=YEAR_SECONDS, samesite="Lax", httponly=True)
    return response
