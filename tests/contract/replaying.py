"""Replays sessions by the official client, and weighs what differs against the divergences that are meant."""

import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.console_server import ConsoleServer

from .comparing import Comparison
from .driver import Driver, Played
from .javascript_values import parse
from .trimming import trimmed

HERE = Path(__file__).parent
SCOPES = ("read", "start", "answer", "manage")
Step = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of a session. `differences`: a line for each step that differs and should not."""

    name: str
    differences: tuple[str, ...]
    meant: tuple[str, ...] = ()  # differences that the list of divergences has

    @property
    def passed(self) -> bool:
        return not self.differences

    @property
    def line(self) -> str:
        if self.differences:
            return f"FAIL {self.name}\n     " + "\n     ".join(self.differences)
        return f"ok   {self.name}" + (" (differs as meant)" if self.meant else "")


@contextmanager
def open_contract_console() -> Iterator[tuple[str, str]]:
    """A console with the contract's workflows: its address, and a token that may do everything."""
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        server = ConsoleServer(Path(folder), {"WFCONSOLE_WORKFLOWS": "tests.contract.fixtures"}).start()
        try:
            scopes = [f"--scope={scope}" for scope in SCOPES]
            yield server.url, server.manage("create_token", "contract", *scopes).stdout.strip()
        finally:
            server.kill()


def replay(folder: Path, url: str, token: str, text: str = "") -> Iterator[Outcome]:
    """Replay the sessions of a folder whose names contain the text, each once, in the order of their files."""
    meant = divergences()
    with Driver(url, token) as driver:
        for session in sessions_of(folder):
            name = session["name"]
            if text in name:
                steps = labelled(session["steps"])
                played = driver.play({**session, "steps": steps})
                yield _weighed(name, differences(steps, played), meant.get(name, []))


def differences(steps: list[Step], played: Played) -> dict[str, str]:
    """By label, what differs: with the step's call, as a line."""
    comparison, found = Comparison(), {}
    outcomes = _with_winners_first(steps, played.outcomes)
    for step in _calls_of(steps):
        label = step["label"]
        if label not in outcomes:
            found[label] = f"{label} {step['call']}: was not reached"
        elif reason := comparison.difference(step, trimmed(step, outcomes[label], played.uid)):
            found[label] = f"{label} {step['call']}: {reason}"
    if played.stopped is not None:
        found["session"] = f"the session stopped: {played.stopped}"
    return found


def labelled(steps: list[Step], prefix: str = "step ") -> list[Step]:
    """The steps with labels such as `step 2`, and `step 2.lane 0.1` where lanes run together; each lane as a list."""
    return [_labelled(step, f"{prefix}{index}") for index, step in enumerate(steps)]


def _labelled(step: Step, label: str) -> Step:
    if "together" not in step:
        return {**step, "label": label}
    lanes = [lane if isinstance(lane, list) else [lane] for lane in step["together"]]
    return {**step, "together": [labelled(lane, f"{label}.lane {index}.") for index, lane in enumerate(lanes)]}


def _calls_of(steps: list[Step]) -> Iterator[Step]:
    """The steps that have an outcome, lane by lane."""
    for step in steps:
        for lane in step.get("together", ()):
            yield from _calls_of(lane)
        if step.get("call", "wait") != "wait":
            yield step


def _with_winners_first(steps: list[Step], outcomes: dict[str, Any]) -> dict[str, Any]:
    """The outcomes, of lanes that race for something in the order of their success: which lane wins is not told."""
    arranged = dict(outcomes)
    for step in steps:
        if step.get("unordered") and "together" in step:
            labels = [lane[0]["label"] for lane in step["together"] if lane[0].get("label") in outcomes]
            ranked = sorted((outcomes[label] for label in labels), key=_failing_status)
            arranged.update(zip(labels, ranked, strict=True))
    return arranged


def _failing_status(outcome: dict[str, Any]) -> int:
    return outcome.get("error", {}).get("status") or 0


def _weighed(name: str, found: dict[str, str], meant: list[str]) -> Outcome:
    """Steps are listed by their labels; all that they differ in is meant."""
    unmeant = tuple(line for label, line in found.items() if label not in meant)
    return Outcome(name, unmeant, tuple(line for label, line in found.items() if label in meant))


def divergences() -> dict[str, list[str]]:
    """By session, the steps in which this console knowingly does better."""
    listed = tomllib.loads((HERE / "divergences.toml").read_text())
    return {name: entry["steps"] for name, entry in listed.items()}


def sessions_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The files of a folder that have a name in them. Raises ValueError, naming the file, for a bad one."""
    for path in sorted(folder.glob("*.json")):
        try:
            session = parse(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is not JSON: {error}") from None
        if not isinstance(session, dict) or "name" not in session:
            continue
        if not isinstance(session.get("steps"), list):
            raise ValueError(f"{path} has no steps.")
        yield session
