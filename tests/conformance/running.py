"""Runs folders of cases and reports which of them differ from what was recorded."""

import asyncio
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .calls import OpenStore, memory_store, run_case
from .comparing import difference

HERE = Path(__file__).parent
OWN_CASES = HERE / "cases"
DIVERGENCES = HERE / "divergences.toml"
OURS = HERE / "divergences"  # a case for each divergence, with what we expect instead

CASE_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Outcome:
    """How one case went: `difference` is None when it passed."""

    name: str
    difference: str | None
    listed: bool = False  # it differs knowingly, and does what we say it does


def load_cases(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The cases of a folder, by name."""
    for path in sorted(folder.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(case, dict) and "workflow" in case and "expect" in case:
            yield case


def load_divergences() -> Mapping[str, str]:
    """The reasons of the cases in which we knowingly do something else, by name."""
    return {name: entry["reason"] for name, entry in tomllib.loads(DIVERGENCES.read_text(encoding="utf-8")).items()}


async def run_one(case: Mapping[str, Any], open_store: OpenStore = memory_store) -> Mapping[str, Any]:
    """What we do in a case. Raises TimeoutError when it does not end."""
    return await asyncio.wait_for(run_case(case, open_store), CASE_TIMEOUT_SECONDS)


async def check(case: Mapping[str, Any], reasons: Mapping[str, str], open_store: OpenStore = memory_store) -> Outcome:
    """Runs one case. A listed one must differ from the reference, and do what our own record of it says."""
    name = case["name"]
    try:
        actual = await run_one(case, open_store)
    except Exception as error:
        return Outcome(name, f"ended with {type(error).__name__}: {error}")
    found = difference(case, actual)
    if name not in reasons:
        return Outcome(name, found)
    if "quirk" not in case:
        return Outcome(name, "is listed as a divergence, but has no quirk")
    if found is None:
        return Outcome(name, "is listed as a divergence, but matches the reference")
    ours = OURS / f"{name}.json"
    if not ours.exists():
        return Outcome(name, f"is listed as a divergence without a record of ours in {ours.name}; it says: {found}")
    problem = difference(json.loads(ours.read_text(encoding="utf-8")), actual)
    return Outcome(name, problem and f"differs from our own record: {problem}", listed=problem is None)
