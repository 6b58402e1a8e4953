"""A secret of each kind is sent through a run, and looked for on every surface there is.

The addresses come from the console's own list: a new route is looked at, or fails here until its parameters have
examples.
"""

import base64
import json
import quopri
import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from websockets.sync.client import connect

from runs.views.run_tabs import TABS
from runs.views.run_value import TITLES
from tests.console_server import ConsoleServer
from tests.notices.receiver import Receiver
from tests.otlp_receiver import OtlpReceiver, attributes
from tests.web.form_page import FormPage

INPUT, COLOUR = 's3cr3t in the "input"', "s3cr3t-by-schema"
GIVEN = {"password": INPUT, "colour": COLOUR, "accounts": [{"apiKey": f"s3cr3t-in-a-list-{n}"} for n in range(2)]}
CONTEXT = {"X-Auth-Token": "s3cr3t-in-a-header", "login": {"pwd": "s3cr3t-in-the-context"}, "tenant": "acme"}
METADATA = {"signature": "s3cr3t-in-the-metadata", "note": f"about {COLOUR}", "lot": "L-1"}
ANSWER = {"passcode": "s3cr3t-in-the-answer"}
MARK = re.compile("|".join(["s3cr3t", b"s3cr3t".hex(), "czNjcjN0", "MzY3IzdC", "zM2NyM3"]), re.IGNORECASE)
TRACE_ID = "5ec2e7" * 5 + "00"
ENVIRONMENT = {
    "WFCONSOLE_WORKFLOWS": "tests.surfaces.workflows",
    "WFCONSOLE_HTTP_PRIVATE_NETWORKS": "127.0.0.1",
    "WFCONSOLE_EMAIL_FROM": "console@example.org",
    "WFCONSOLE_LOG_FORMAT": "console",
}
# What the list of addresses cannot tell: examples of each parameter. A new parameter needs an entry.
SKIPPED = {"admin/logout/", "admin/<url>", "sign-out/"}


class Vault:
    """A console in which runs have handled secrets, and all that it has sent."""

    def __init__(self, console: ConsoleServer, spans: OtlpReceiver, hooks: Receiver, mail) -> None:
        self.console, self.spans, self.hooks, self.mail = console, spans, hooks, mail
        self.person = console.client()
        headers = {"Authorization": f"Bearer {console.token('read', 'start', 'answer', 'manage')}"}
        self.api = httpx.Client(base_url=f"{console.url}/api", headers=headers, timeout=30)
        self.said: dict[str, str] = {}  # what the console answered while the runs were made

    def keep(self, name: str, answer: httpx.Response) -> httpx.Response:
        self.said[f"{name} {answer.status_code}"] = answer.text
        return answer

    def run(self, run_id: str, how: str) -> None:
        """By the API: streamed until it asks, watched, answered, ended."""
        body = {"inputData": GIVEN | {"how": how}, "requestContext": CONTEXT}
        body["tracingOptions"] = {"metadata": METADATA, "requestContextKeys": ["login.pwd", "tenant"]}
        if how == "fail":
            body["tracingOptions"]["traceId"] = TRACE_ID
        self.keep(f"stream {how}", self.api.post(f"/workflows/vault/stream?runId={run_id}", json=body))
        self.keep("question", self.person.get(f"/inbox/?run={run_id}"))
        self.keep("answer", self.person.get(f"/runs/{run_id}/answer/"))
        self.person.post(f"/runs/{run_id}/watch/", data={"email": "on"})
        answered = self.api.post(f"/workflows/vault/resume-async?runId={run_id}", json={"resumeData": ANSWER})
        assert answered.json()["status"] == {"ok": "success", "fail": "failed"}[how], answered.text
        self.keep(f"answered {how}", answered)

    def run_by_form(self) -> str:
        page = FormPage(self.person.get("/workflows/vault/start/").text)
        given = {"v:input/password": INPUT, "v:input/colour": COLOUR, "v:input/how": "fail", "act": "start"}
        started = self.person.post("/workflows/vault/start/", data=page.with_(given))
        assert "/runs/" in str(started.url), started.text[-3000:]
        return str(started.url).rstrip("/").rpartition("/")[2]


@pytest.fixture(scope="module")
def vault(serving, tmp_path_factory) -> Iterator[Vault]:
    mail = tmp_path_factory.mktemp("mail")
    spans, hooks = OtlpReceiver(), Receiver()
    more = {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "WFCONSOLE_EMAIL_URL": f"file://{mail}"}
    with serving({**ENVIRONMENT, **more}) as console:
        code = "from django.contrib.auth.models import User; User.objects.update(email='ada@example.org')"
        console.manage("shell", "--no-imports", "-c", code)
        vault = Vault(console, spans, hooks, mail)
        address = f"{hooks.url}/hook?token=s3cr3t-of-the-hook"
        form = {"name": "hook", "url": address, "events": ["success", "failed", "suspended"], "workflow": ""}
        vault.person.post("/webhooks/", data=form)
        vault.run("r-fail", "fail")
        vault.run("r-ok", "ok")
        vault.by_form = vault.run_by_form()
        given = json.dumps(GIVEN | {"how": "fail"})
        done = console.manage(
            "start_run", "vault", "--input", given, "--context", 'pwd="s3cr3t-by-command"', "--follow", check=False
        )
        vault.said["start_run"] = done.stdout + done.stderr
        assert done.returncode == 3, done.stderr  # it waits for an answer
        yield vault
        vault.person.close()
        vault.api.close()
    spans.close()
    hooks.close()


def look(name: str, text: str) -> list[str]:
    return [
        f"{name}: …{text[max(found.start() - 90, 0) : found.end() + 40]!r}" for found in list(MARK.finditer(text))[:2]
    ]


# --- Every address --------------------------------------------------------------------------------


def routes(patterns, prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)


def examples(vault: Vault) -> dict[str, list[str]]:
    """Values of each parameter of an address."""
    trace = vault.api.get(f"/observability/traces/{TRACE_ID}").json()["spans"]
    definition = {"id": "plain", "inputSchema": {}, "outputSchema": {}, "graph": []}
    vault.api.post("/stored/workflows", json=definition)
    return {
        "run_id": ["r-fail", "r-ok", vault.by_form],
        "workflow_id": ["vault"],
        "trace_id": [TRACE_ID],
        "span_id": [span["spanId"] for span in trace],
        "token_id": ["1"],
        "webhook_id": ["1"],
        "delivery_id": ["1"],
        "act": ["test"],
        "content_type_id": ["1"],
        "object_id": ["1"],
        "app_label": ["runs"],
        "version_id": ["1"],
        "number": ["1"],
        "pk": ["1"],
    }


def addresses(route: str, known: dict[str, list[str]]) -> list[str]:
    route = route.removesuffix("\\Z").strip("^$")
    found = [route]
    for name in re.findall(r"<(?:\w+:)?(\w+)>|\{(\w+)\}|\(\?P<(\w+)>[^)]*\)", route):
        name = next(filter(None, name))
        assert name in known, f"{route}: give {name} an example"
        place = re.compile(rf"<(?:\w+:)?{name}>|\{{{name}\}}|\(\?P<{name}>[^)]*\)")
        found = [place.sub(quote(value, safe=""), each, count=1) for each in found for value in known[name]]
    return [f"/{each}" for each in found if "(" not in each]


def queries(route: str) -> list[str]:
    """What the address of a run's page may ask for, beside nothing."""
    route = re.sub(r"<\w+:(\w+)>", r"<\1>", route)  # without the converters of its parts
    if route == "runs/<run_id>/":
        steps = [f"?tab=steps&step={step}" for step in ("open_vault", "ask", "spend")]
        return ["", *(f"?tab={tab}" for tab in TABS), *steps, "?tab=raw&after=5"]
    if route == "runs/<run_id>/value/":
        every = [f"?of={of}&step=spend&seq=4" for of in TITLES] + [f"?of={of}&step=open_vault" for of in TITLES]
        return (
            every + [f"?of={of}&step=spend&download=1" for of in TITLES] + [f"?of=event&seq={n}" for n in range(1, 40)]
        )
    if route == "runs/<run_id>/events":
        return ["", "?limit=1&after=3", "?format=json", "?format=json&stored=1", "?before=20"]
    if route == "runs/<run_id>/from-step/":
        return [f"?step={step}" for step in ("open_vault", "ask", "spend")]
    if route == "workflows/<workflow_id>/start/":
        return ["", "?from_run=r-fail", "?from_run=r-ok"]
    if route.endswith("runs/{run_id}") or route.endswith("runs/<run_id>"):
        return ["", *(f"?fields={field}" for field in ("result", "error", "payload", "steps", "serializedStepGraph"))]
    return [""]


def test_no_address_answers_with_a_secret(vault):
    known, wrong, seen = examples(vault), [], 0
    asked = [route for route in dict.fromkeys(routes(get_resolver().url_patterns)) if len(queries(route)) > 1]
    assert len(asked) >= 6, "the routes of queries() have other names"
    for route in dict.fromkeys(routes(get_resolver().url_patterns)):
        if route in SKIPPED or route.startswith(("static/", "admin/")):
            continue
        for address in addresses(route, known):
            for query in queries(route):
                accepts = ["text/html", "application/json"] if address.startswith("/runs/") else ["text/html"]
                for accept in accepts:
                    client = vault.api if address.startswith("/api/") else vault.person
                    answer = client.get(vault.console.url + address + query, headers={"Accept": accept})
                    assert answer.status_code < 500, (address, answer.text[-2000:])
                    seen += answer.status_code == 200
                    wrong += look(address + query, answer.text)
    assert seen > 100
    assert not wrong, "\n".join(wrong[:40])


def test_no_page_of_the_admin_site_shows_a_secret(vault):
    wrong, shown = [], 0
    for model in admin.site._registry:
        meta = model._meta
        pages = [reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")]
        listed = vault.person.get(pages[0])
        pages += re.findall(r'href="(/admin/[^"?]+/change/)', listed.text)[:5]
        for page in pages:
            answer = vault.person.get(page)
            shown += answer.status_code == 200
            if meta.model_name != "webhook":  # its address is edited there, by who may
                wrong += look(page, answer.text)
    assert shown > 10
    assert not wrong, "\n".join(wrong)


def test_no_answer_to_a_program_that_starts_observes_or_answers_has_a_secret(vault):
    for run_id in ("r-fail", "r-ok"):
        vault.keep("observe", vault.api.post(f"/workflows/vault/observe?runId={run_id}", json={}))
    body = {"inputData": GIVEN | {"how": "fail"}, "requestContext": CONTEXT}
    vault.keep("legacy", vault.api.post("/workflows/vault/stream-legacy?runId=r-legacy", json=body))
    vault.keep("async", vault.api.post("/workflows/vault/start-async?runId=r-async", json=body))
    travel = {
        "step": "spend",
        "inputData": {"answered": "x"},
        "context": {"ask": {"status": "success", "output": {"answered": "s3cr3t-in-the-answer"}}},
    }
    vault.keep("travel", vault.api.post("/workflows/vault/time-travel-async?runId=r-fail", json=travel))
    again = vault.person.post("/runs/r-ok/again/", data={"start_key": "once"})
    vault.keep("again", again)
    wrong = [line for name, text in vault.said.items() for line in look(name, text)]
    assert not wrong, "\n".join(wrong)
    assert sum("masked" in text for text in vault.said.values()) > 5


# --- Everything that is sent, written or asked for ------------------------------------------------


def test_no_socket_sends_a_secret_and_its_lines_are_those_of_the_download(vault):
    cookies = "; ".join(f"{name}={value}" for name, value in vault.person.cookies.items())
    for run_id in ("r-fail", "r-ok"):
        lines = []
        address = f"{vault.console.url.replace('http', 'ws')}/ws/runs/{run_id}/"
        with connect(address, additional_headers={"Cookie": cookies}, origin=vault.console.url) as socket:
            socket.send(json.dumps({"resume": 0}))
            while "end" not in (frame := json.loads(text := socket.recv(10))):
                assert not look(run_id, text)
                lines += [line.removesuffix(",") for line in text.split("\n")[1:-1]]
                socket.send(json.dumps({"ack": frame["last"]}))
        assert "\n".join(lines) + "\n" == vault.person.get(f"/runs/{run_id}/events.ndjson").text


@pytest.mark.parametrize(
    "command", [["show_run", "r-fail"], ["show_run", "r-ok", "--json"], ["export_runs"], ["list_workflows"]]
)
def test_no_command_prints_a_secret(vault, command):
    done = vault.console.manage(*command)
    assert not look(command[0], done.stdout + done.stderr)


def test_no_webhook_e_mail_or_collector_is_told_a_secret(vault):
    bodies = [each.body.decode() for each in vault.hooks.wait_for(4, "/hook?token=s3cr3t-of-the-hook")]
    assert any("[masked]" in body for body in bodies)
    assert not [line for body in bodies for line in look("webhook", body)]
    until(lambda: len(list(vault.mail.iterdir())) >= 2)
    letters = [decoded(file.read_text()) for file in vault.mail.iterdir()]
    assert any("refused" in letter for letter in letters)
    assert not [line for letter in letters for line in look("e-mail", letter)]
    sent = vault.spans.wait_for(lambda spans: sum(span.name == "workflow step: 'spend'" for span in spans) >= 2)
    assert any(attributes(span).get("http.url") == "https://vault/?page=1&access_token=[masked]" for span in sent)
    assert not [line for span in vault.spans.spans for line in look(span.name, str(span))]


def test_no_line_of_the_servers_log_has_a_secret(vault):
    assert "cannot tell of" in vault.console.log
    assert not look("log", vault.console.log)


# Last, for the guesses themselves stand in what the server logs and traces of its requests.
@pytest.mark.parametrize("secret", [COLOUR, ANSWER["passcode"], "s3cr3t-in-the-state"])
@pytest.mark.parametrize(
    "address", ["events?format=json&limit=1", "events?limit=2", "log.txt?level=debug", "?tab=logs"]
)
def test_no_search_tells_whether_a_guess_is_right(vault, address, secret):
    for run_id in ("r-fail", "r-ok"):
        answers = set()
        for guess in (secret[:-1], secret, "s3cr3t-is-not-there"):
            text = vault.person.get(f"/runs/{run_id}/{address}&q={guess}").text
            answers.add(re.sub(r"<[^>]*>|[0-9.]+", " ", text.replace(guess, "")))
        assert len(answers) == 1


def decoded(letter: str) -> str:
    """A letter with its parts in base64 and quoted-printable readable."""

    parts = [
        base64.b64decode(part).decode("utf-8", "replace") for part in re.findall(r"(?m)^[A-Za-z0-9+/=\n]{60,}$", letter)
    ]
    return letter + quopri.decodestring(letter.encode()).decode("utf-8", "replace") + "".join(parts)


def until(found) -> None:
    deadline = time.monotonic() + 15
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)
