"""The commands as a person at a terminal gives them: a process each, on the data folder of a running console."""

import json
import re
import signal
import subprocess
import sys
import time

from tests.console_server import ROOT

QUICK = '{"text": "a b c", "tokens": 3, "tokens_per_second": 0}'
ENDLESS = '{"tokens": 100000, "tokens_per_second": 20}'


def start(console, *arguments: str) -> str:
    return console.manage("start_run", *arguments).stdout.strip()


def wait_for_status(console, run_id: str, status: str, seconds: float = 15) -> dict:
    deadline = time.monotonic() + seconds
    while True:
        run = json.loads(console.manage("show_run", run_id, "--json").stdout)
        if run["status"] == status:
            return run
        assert time.monotonic() < deadline, f"{run_id} is {run['status']}, not {status}"


def test_a_run_started_at_a_terminal_is_executed_by_the_running_server(console):
    run_id = start(console, "text-stream", "--input", QUICK, "--tag", "nightly", "--tag", "eu")
    run = wait_for_status(console, run_id, "success")
    assert run["tags"] == ["nightly", "eu"]
    assert run["result"] == {"tokens": 3, "characters": 6, "parts": 1}
    assert "command line" in run["startedBy"]


def test_following_streams_the_text_and_then_the_result(console):
    done = console.manage("start_run", "text-stream", "--input", QUICK, "--follow")
    text, _, result = done.stdout.partition("\n")
    assert text == "a b c "
    assert json.loads(result)["tokens"] == 3
    assert re.search(r"Run \S+ of text-stream\nSuccess after \d+ ms", done.stderr)


def test_following_as_json_gives_a_line_for_each_event_without_a_gap(console):
    done = console.manage("start_run", "text-stream", "--input", QUICK, "--follow", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "workflow-start"
    assert events[-1]["type"] == "workflow-finish"


def test_everything_that_a_form_offers_can_be_given(console, tmp_path):
    order = tmp_path / "order.json"
    order.write_text(
        '{"card_token": "tok_test_4242", "customer_id": 9223372036854775807, "simulate": {"pace": "instant"}}'
    )
    done = console.manage(
        *["start_run", "order-fulfilment", "--input", f"@{order}", "--json"],
        *["--context", 'tenant="acme-eu"', "--context", "user.id=4410023", "--context-key", "tenant"],
        *["--trace-id", "4bf92f3577b34da6a3ce929d0e0e4736", "--parent-span-id", "00f067aa0ba902b7"],
        *["--metadata", '{"ticket": "OPS-2291"}', "--include-state", "--tag", "priority"],
        *["--resource-id", "customer-7", "--priority", "3"],
    )
    run = wait_for_status(console, json.loads(done.stdout)["runId"], "success")
    assert run["input"]["customer_id"] == 9223372036854775807
    assert run["input"]["card_token"] != "tok_test_4242"
    assert run["requestContext"] == {"tenant": "acme-eu", "user.id": 4410023}
    assert run["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert run["resourceId"] == "customer-7"
    assert run["result"]["handled_by"] == 4410023


def test_the_input_can_come_from_standard_input(console):
    done = console.manage("start_run", "text-stream", "--input", "-", "--follow", input=QUICK)
    assert done.stdout.startswith("a b c \n")


def test_a_failed_run_that_was_followed_ends_with_1(console):
    done = console.manage("start_run", "csv-profile", "--input", '{"csv": "a,b\\n1"}', "--follow", check=False)
    assert done.returncode == 1
    assert "Line 2 has 1 values, the first has 2." in done.stdout
    assert "Failed after" in done.stderr


def test_bad_input_is_one_sentence_and_exit_code_2(console):
    done = console.manage("start_run", "text-stream", "--input", '{"tokens": 1,}', check=False)
    assert done.returncode == 2
    assert done.stderr == "--input: Line 1, column 13: A comma must be followed by another value.\n"
    assert done.stdout == ""


def test_a_run_is_canceled_while_its_step_is_under_way(console):
    run_id = start(console, "text-stream", "--input", ENDLESS)
    wait_for_status(console, run_id, "running")
    done = console.manage("cancel_run", run_id)
    assert done.stdout == f"{run_id} is being canceled\n"
    wait_for_status(console, run_id, "canceled")
    again = console.manage("cancel_run", run_id, "--json", check=False)
    assert again.returncode == 1
    assert json.loads(again.stdout) == {run_id: {"canceled": False}}


def test_of_several_runs_none_is_canceled_when_one_does_not_exist(console):
    run_id = start(console, "text-stream", "--input", ENDLESS)
    done = console.manage("cancel_run", run_id, "nowhere", check=False)
    assert done.returncode == 2
    assert done.stderr == "There is no run nowhere. Nothing was canceled.\n"
    assert console.manage("cancel_run", run_id).returncode == 0


def test_a_run_is_shown_with_its_steps_and_result(console):
    run_id = start(console, "text-stream", "--input", QUICK)
    wait_for_status(console, run_id, "success")
    shown = console.manage("show_run", run_id).stdout
    assert re.search(r"^status +success$", shown, re.MULTILINE)
    assert "  split  success" in shown
    unknown = console.manage("show_run", "nowhere", check=False)
    assert (unknown.returncode, unknown.stderr) == (2, "There is no run nowhere.\n")


def test_the_workflows_are_listed_for_people_and_for_programs(console):
    lines = console.manage("list_workflows").stdout.splitlines()
    # Others may stand there, too: definitions that an administrator wrote.
    states = {line.split()[0]: line for line in lines}
    for sample in ("csv-profile", "order-fulfilment", "site-check", "text-stream"):
        assert "enabled" in states[sample]
    listed = {workflow["id"]: workflow for workflow in json.loads(console.manage("list_workflows", "--json").stdout)}
    assert listed["text-stream"]["inputSchema"]["properties"]["tokens"]["maximum"] == 100_000


def test_runs_are_exported_by_their_filters_with_secrets_hidden(console, tmp_path):
    order = '{"card_token": "tok_test_4242", "simulate": {"pace": "instant"}}'
    run_id = start(console, "order-fulfilment", "--input", order, "--tag", "exported")
    wait_for_status(console, run_id, "success")
    done = console.manage("export_runs", "--tag", "exported", "--status", "success", "--since", "2026-01-01")
    (run,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert run["runId"] == run_id
    assert run["steps"]["charge_card"]["status"] == "success"
    assert "tok_test_4242" not in done.stdout
    assert done.stderr == "1 runs exported\n"
    file = tmp_path / "runs.ndjson"
    console.manage("export_runs", "--workflow", "order-fulfilment", "--limit", "1", "--output", str(file))
    assert len(file.read_text().splitlines()) == 1
    again = console.manage("export_runs", "--output", str(file), check=False)
    assert (again.returncode, again.stderr) == (1, f"--output {file}: the file exists already.\n")
    wrong = console.manage("export_runs", "--since", "yesterday", check=False)
    assert wrong.returncode == 2
    assert "2026-11-22T13:00" in wrong.stderr


def test_a_reader_that_goes_away_is_no_error(console):
    command = f"{sys.executable} manage.py export_runs | head -c 1"
    done = subprocess.run(command, shell=True, cwd=ROOT, env=console.environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_without_a_server_a_run_waits_and_the_command_says_so(new_console):
    console = new_console()
    console.stop()
    done = console.manage("start_run", "text-stream", "--input", QUICK)
    assert done.stderr == "No executor is running: the run starts when the console does. Or add --follow.\n"
    console.start()
    wait_for_status(console, done.stdout.strip(), "success")


def test_without_a_server_following_executes_the_run_itself(new_console):
    console = new_console()
    console.stop()
    done = console.manage("start_run", "text-stream", "--input", QUICK, "--follow")
    assert done.stdout.startswith("a b c \n")


def test_commands_on_an_empty_data_folder_say_what_to_do(new_console, tmp_path):
    console = new_console()
    console.environment["WFCONSOLE_DATA_DIR"] = str(tmp_path)
    done = console.manage("list_workflows", check=False)
    assert done.returncode == 1
    assert done.stderr == "The database has no tables yet. Run manage.py migrate, or start the console once.\n"


def test_ctrl_c_ends_the_following_and_not_the_run(console):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "start_run", "text-stream", "--input", ENDLESS, "--follow"],
        cwd=ROOT,
        env=console.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run_id = re.search(r"Run (\S+) of", process.stderr.readline())[1]
    wait_for_status(console, run_id, "running")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert wait_for_status(console, run_id, "running")
    console.manage("cancel_run", run_id)


HELD = (
    '{"channel": "partner", "shipping": {"service": "same_day"}, "card_token": "tok_test_4242", "simulate": {"pace": '
    '"instant"}, "order": {"total": 6000, "lines": [{"sku": "SKU-1", "qty": 100, "unit_price": 60}]}}'
)


def test_a_suspended_run_is_answered_at_a_terminal(console):
    run_id = start(console, "order-fulfilment", "--input", HELD)
    wait_for_status(console, run_id, "suspended")
    refused = console.manage("resume_run", run_id, "--data", '{"approved": "perhaps"}', check=False)
    assert (refused.returncode, "approved" in refused.stderr) == (2, True)
    done = console.manage("resume_run", run_id, "--step", "manual_review", "--data", '{"approved": true}', "--follow")
    assert '"confirmed"' in done.stdout
    again = console.manage("resume_run", run_id, check=False)
    assert (again.returncode, again.stderr.strip()) == (2, "This workflow run was not suspended")
    assert console.manage("resume_run", "nobody", check=False).returncode == 2
