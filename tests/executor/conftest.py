"""Executors for tests: in this process, or in processes of their own that can be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from runs.actions.start import StartRequest, start_run
from runs.catalog import registry
from runs.engine.log.results import RunStatus
from runs.executor import dispatch
from runs.executor.embedded import EmbeddedExecutor
from runs.models import Actor, WorkflowRun
from tests.registered import register_workflows

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "tests.executor.workflows"
LOADED = registry._registry


@pytest.fixture
def workflows(transactional_db: None, settings, tmp_path: Path) -> Iterator[None]:
    """The workflows of these tests, registered, and a data folder of the test's own."""
    settings.WORKFLOW_MODULES = [MODULE]
    settings.DATA_DIR = tmp_path
    _forget()
    register_workflows()
    yield
    _forget()


def _forget() -> None:
    LOADED.cache_clear()
    registry.content_hash.cache_clear()
    registry.code_plan.cache_clear()


@pytest.fixture
def start(workflows: None) -> Callable[..., WorkflowRun]:
    """Start a run: `start("quick", {"value": 1})`."""

    def start(workflow_id: str, input: object = None, **options: object) -> WorkflowRun:
        return start_run(StartRequest(workflow_id=workflow_id, input=input, **options), actor=Actor("tests"))

    return start


@pytest.fixture
def executor(workflows: None) -> Iterator[EmbeddedExecutor]:
    """An executor in this process."""
    executor = EmbeddedExecutor()
    dispatch._executor = executor
    executor.start()
    yield executor
    executor.stop()
    dispatch._executor = None


@pytest.fixture
def new_process(workflows: None, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts a process that executes runs of this database; all are killed at the end."""
    processes: list[subprocess.Popen] = []

    def make() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.executor.executor_process"],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": _database_url(),
                "WFCONSOLE_DATA_DIR": str(tmp_path),
                "WFCONSOLE_WORKFLOWS": MODULE,
                "WFCONSOLE_EXECUTOR": "embedded",
            },
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout.readline() == b"started\n"
        return process

    yield make
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()
        process.stdout.close()


def _database_url() -> str:
    known = connection.settings_dict
    if django_settings.ON_POSTGRESQL:
        return f"postgres://{known['USER']}@{known['HOST']}:{known['PORT']}/{known['NAME']}"
    return f"sqlite:///{known['NAME']}"


@pytest.fixture
def until() -> Callable[..., WorkflowRun]:
    """Wait for a run: `until(run, "success")`, or `until(run, lambda run: run.last_seq > 3)`."""

    def wait(run: WorkflowRun, what: str | Callable[[WorkflowRun], object], seconds: float = 10) -> WorkflowRun:
        deadline = time.monotonic() + seconds
        while True:
            run.refresh_from_db()
            if what(run) if callable(what) else run.status == what:
                return run
            ended = RunStatus(run.status).is_final and not callable(what)
            assert not ended, f"{run.id} ended as {run.status}: {run.detail}"
            assert time.monotonic() < deadline, f"{run.id} is {run.status}, seq {run.last_seq}: {run.detail}"
            time.sleep(0.005)

    return wait
