"""The JSON-Schema-Test-Suite, from the source distribution of the package `jsonschema` on PyPI."""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PINNED = Path(__file__).parent / "json-schema-suite.txt"
DIALECTS = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}


class Case(NamedTuple):
    """One value, and whether the standard says that the schema takes it."""

    name: str  # file: group: test
    schema: Any
    value: Any
    is_valid: bool


def suite_folder() -> Path:
    """The folder of the suite, with one folder for each draft. Downloaded once for a virtual environment, with pip."""
    version = PINNED.read_text().split("jsonschema==")[1].split()[0]
    folder = Path(sys.prefix) / "share" / f"json-schema-test-suite-{version}"
    if folder.exists():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        # pip asks a source distribution for its metadata, for which it fetches the build tools of that package.
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--no-binary", "jsonschema", "--require-hashes", "-r", str(PINNED), "-d", made]
        subprocess.run(command, check=True, timeout=300)
        with tarfile.open(next(Path(made).glob("*.tar.gz"))) as archive:
            members = [member for member in archive.getmembers() if "/json/tests/" in member.name]
            archive.extractall(made, members, filter="data")
        found = next(Path(made).glob("*/json/tests"))
        if not folder.exists():  # another process may have been faster
            shutil.move(found, folder)
    return folder


def cases(draft: str) -> Iterator[Case]:
    """The required cases of a draft. Schemas that name no dialect are given the one of the draft."""
    for file in sorted((suite_folder() / draft).glob("*.json")):
        for group in json.loads(file.read_text()):
            schema = group["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": DIALECTS[draft], **schema}
            for test in group["tests"]:
                name = f"{file.name}: {group['description']}: {test['description']}"
                yield Case(name, schema, test["data"], test["valid"])
