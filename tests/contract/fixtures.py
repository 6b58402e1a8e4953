"""The contract's workflows, as a module for WFCONSOLE_WORKFLOWS: made from the same data as the reference's were."""

import json
from pathlib import Path

from tests.conformance.building import Builder
from tests.conformance.primitives import Process

FOLDER = Path(__file__).parent / "workflows"


def _build(spec):
    told = {key: spec[key] for key in ("description", "metadata") if key in spec}
    return Builder(Process(), told).build(spec)


for _path in sorted(FOLDER.glob("*.json")):
    _spec = json.loads(_path.read_text())
    globals()[f"workflow_{_spec['id'].replace('-', '_')}"] = _build(_spec)
