"""Addresses as settings give them: what is one, and what is none."""

import re
from urllib.parse import urlsplit

PLACES = {"trace_id", "span_id", "run_id", "start_ms", "end_ms"}  # of a link to another program's traces
LINKS = "Name=https://host/path/{trace_id}, several separated by spaces"


def is_database(url: str) -> bool:
    """sqlite:///path or postgres://user:password@host:port/name."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url.startswith("sqlite:///") and len(parts.path) > 1
    return parts.scheme in {"postgres", "postgresql"} and len(parts.path) > 1 and _has_good_port(url)


def is_http(url: str) -> bool:
    """http://host:port or https://host:port, with or without a path."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and _has_good_port(url)


def read_links(text: str) -> dict[str, str]:
    """Templates of links by their names, as WFCONSOLE_TRACE_LINKS gives them. Raises ValueError."""
    links = {}
    for link in text.split():
        name, _, url = link.partition("=")
        places = set(re.findall(r"{(\w*)}", url))
        if not name or not is_http(url.replace("{", "").replace("}", "")) or not {"trace_id"} <= places <= PLACES:
            raise ValueError(LINKS)
        links[name] = url
    return links


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
