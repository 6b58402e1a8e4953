"""How e-mails leave, as Django's settings, from one address such as smtp://user:password@mail.example.org:587."""

from urllib.parse import parse_qs, unquote, urlsplit

BACKENDS = {
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
    "smtps": "django.core.mail.backends.smtp.EmailBackend",
    "file": "django.core.mail.backends.filebased.EmailBackend",
    "console": "django.core.mail.backends.console.EmailBackend",
}
ALLOWED = "smtp://user:password@host:port, smtps://…, file:///folder or console:"


def check_mail(url: str) -> str:
    """The address, if it is one. Raises ValueError with what is allowed."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in BACKENDS and parts.port != 0
    except ValueError:
        raise ValueError(ALLOWED) from None
    if (
        not good
        or (parts.scheme.startswith("smtp") and not parts.hostname)
        or (parts.scheme == "file" and not parts.path)
    ):
        raise ValueError(ALLOWED)
    return url


def mail_settings(url: str | None, sender: str, *, is_debug: bool) -> dict[str, object]:
    """Django's EMAIL settings, and EMAIL_IS_SET_UP: whether an e-mail would be delivered.

    Without an address e-mails go nowhere; where things are tried out, to the server's own output.
    """
    if url is None:
        kind = "console" if is_debug else "dummy"
        backend = f"django.core.mail.backends.{kind}.EmailBackend"
        return {"EMAIL_IS_SET_UP": is_debug, "EMAIL_BACKEND": backend, "DEFAULT_FROM_EMAIL": sender}
    parts = urlsplit(url)
    mail: dict[str, object] = {
        "EMAIL_IS_SET_UP": True,
        "EMAIL_BACKEND": BACKENDS[parts.scheme],
        "DEFAULT_FROM_EMAIL": sender,
        "EMAIL_TIMEOUT": 10,
    }
    if parts.scheme == "file":
        return mail | {"EMAIL_FILE_PATH": unquote(parts.path)}
    if parts.scheme == "console":
        return mail
    is_plain = parse_qs(parts.query).get("tls") == ["no"]
    return mail | {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and not is_plain,
    }
