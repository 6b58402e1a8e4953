"""What machines ask: /healthz, /readyz, /metrics."""

import os
import re

import httpx


def test_the_process_tells_that_it_is_up_without_a_sign_in(console):
    answer = httpx.get(f"{console.url}/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "up"})
    assert "no-store" in answer.headers["cache-control"]


def test_the_console_tells_that_it_is_ready_without_a_sign_in(console):
    answer = httpx.get(f"{console.url}/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_a_console_whose_database_is_locked_is_not_ready_and_says_why(new_console):
    import sqlite3

    console = new_console()
    blocker = sqlite3.connect(console.data_dir / "wfconsole.sqlite3", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    answer = httpx.get(f"{console.url}/readyz", timeout=30)
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": ["The database is locked by another program."]}
    assert httpx.get(f"{console.url}/healthz").status_code == 200
    blocker.execute("ROLLBACK")
    blocker.close()
    assert httpx.get(f"{console.url}/readyz").status_code == 200


def test_figures_are_for_whoever_is_signed_in(console):
    refused = httpx.get(f"{console.url}/metrics")
    assert refused.status_code == 401
    assert "wfconsole_executor_up" not in refused.text
    with console.client() as client:
        told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    assert 'wfconsole_executor_up{kind="embedded"} 1.0' in told.text
    assert float(re.search(r"^wfconsole_database_bytes (\S+)$", told.text, re.MULTILINE)[1]) > 100_000
    assert re.search(r'^wfconsole_runs\{status="pending"\} \d', told.text, re.MULTILINE)
    assert "process_resident_memory_bytes" in told.text


def test_figures_are_for_a_program_that_shows_the_token(new_console):
    token = "a-token-of-prometheus"
    console = new_console({"WFCONSOLE_METRICS_TOKEN": token})

    def ask(header: str) -> int:
        return httpx.get(f"{console.url}/metrics", headers={"Authorization": header}).status_code

    assert ask(f"Bearer {token}") == 200
    assert ask(f"Bearer {token}x") == 401
    assert ask(token) == 401
    assert ask("Bearer") == 401


def test_cookies_are_secure_where_the_console_is_reached_over_https(console):
    plain = httpx.get(f"{console.url}/sign-in/")
    assert "secure" not in plain.headers["set-cookie"].lower()
    behind_tls = httpx.get(f"{console.url}/sign-in/", headers={"X-Forwarded-Proto": "https"})
    assert "secure" in behind_tls.headers["set-cookie"].lower()


def test_the_server_does_not_tell_its_name(console):
    assert "server" not in httpx.get(f"{console.url}/healthz").headers


def test_an_unknown_host_name_is_refused(console):
    assert httpx.get(f"{console.url}/sign-in/", headers={"Host": "evil.example"}).status_code == 400


def test_the_secret_key_and_the_database_are_not_served(console):
    for path in ("/static/../var/secret_key", "/static/%2e%2e/manage.py", "/var/secret_key"):
        answer = httpx.get(f"{console.url}{path}")
        assert answer.status_code in (302, 404), path
    assert os.stat(console.data_dir / "secret_key").st_mode & 0o077 == 0
