"""The house stands as it was drawn: arrows run one way, rooms are not crowded, nothing private is in the tree."""

import ast
import re
import runpy
import subprocess
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.console_server import ROOT

# Each room, and the rooms that it may import from. A room that is missing here is a room that nobody planned.
ROOMS = {
    "runs.engine": set(),
    "runs.drawing": {"runs.engine"},
    "runs.models": {"runs.engine"},
    "runs.steps": {"runs.engine"},
    "runs.workflows": {"runs.engine"},
    "runs.apps": {"runs.engine", "runs.models"},
    "runs.catalog": {"runs.engine", "runs.models", "runs.steps"},
    "runs.migrations": {"runs.models"},
    "runs.store": {"runs.engine", "runs.models"},
    "runs.actions": {"runs.engine", "runs.models", "runs.catalog", "runs.store"},
    "runs.live": {"runs.engine", "runs.models", "runs.store"},
    "runs.retention": {"runs.engine", "runs.models", "runs.store"},
    "runs.step_logs": {"runs.engine", "runs.models", "runs.store"},
    "runs.executor": {"runs.engine", "runs.models", "runs.catalog", "runs.store", "runs.retention", "runs.step_logs"},
    "runs.forms": {"runs.engine", "runs.drawing", "runs.models", "runs.catalog", "runs.store", "runs.actions"},
    "runs.routing": {"runs.store", "runs.live"},
    "runs.admin": {
        "runs.engine",
        "runs.drawing",
        "runs.models",
        "runs.catalog",
        "runs.store",
        "runs.executor",
        "runs.forms",
    },
    "runs.notices": {"runs.engine", "runs.models", "runs.steps", "runs.executor"},
    "runs.templatetags": {"runs.drawing", "runs.forms"},
    "runs.tracing": {"runs.engine", "runs.models", "runs.store", "runs.executor"},
    "runs.api": {
        "runs.engine",
        "runs.models",
        "runs.catalog",
        "runs.store",
        "runs.actions",
        "runs.live",
        "runs.executor",
        "runs.tracing",
    },
    "runs.views": {
        "runs.engine",
        "runs.drawing",
        "runs.models",
        "runs.catalog",
        "runs.store",
        "runs.actions",
        "runs.live",
        "runs.executor",
        "runs.forms",
        "runs.templatetags",
        "runs.tracing",
    },
    "wfconsole": {
        "runs.engine",
        "runs.store",
        "runs.live",
        "runs.step_logs",
        "runs.executor",
        "runs.routing",
        "runs.notices",
        "runs.tracing",
    },
    "runs.management": {
        "runs.engine",
        "runs.models",
        "runs.catalog",
        "runs.store",
        "runs.actions",
        "runs.live",
        "runs.retention",
        "runs.executor",
        "wfconsole",
    },
    "runs.urls": {"runs.views"},
}
# Nothing of the web or of a database may reach the engine, the drawings or the samples.
PURE = ("runs.engine", "runs.drawing", "runs.steps", "runs.workflows")
WEB = {"django", "channels", "daphne", "csp", "axes", "django_htmx", "psycopg", "sqlite3"}
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str | None:
    """The room that a module stands in; None for what is not ours, and for the empty package `runs` itself."""
    parts = module.split(".")
    if parts[0] == "wfconsole":
        return "wfconsole"
    return ".".join(parts[:2]) if parts[0] == "runs" and len(parts) > 1 else None


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in the file, with the line."""
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            # `from runs.executor import dispatch` imports a module, `from runs.models import RunEvent` a name.
            for name in node.names:
                inner = (ROOT / source.replace(".", "/") / name.name).with_suffix(".py")
                yield (f"{source}.{name.name}" if inner.exists() else source), node.lineno


def test_every_file_stands_in_a_planned_room():
    strangers = {
        str(path.relative_to(ROOT))
        for path in python_files("runs", "wfconsole")
        if (room := room_of(module_of(path))) is not None and room not in ROOMS
    }
    assert not strangers


def test_imports_run_one_way():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in python_files("runs", "wfconsole")
        for imported, line in imports(path)
        if (source := room_of(module_of(path))) is not None
        and (target := room_of(imported)) is not None
        and target != source
        and target not in ROOMS.get(source, set())
    ]
    assert not wrong, "\n".join(wrong)


def test_the_plan_has_only_arrows_that_exist():
    existing = {
        (room_of(module_of(path)), room_of(imported))
        for path in python_files("runs", "wfconsole")
        for imported, _ in imports(path)
    }
    planned = {(room, below) for room, belows in ROOMS.items() for below in belows}
    assert planned <= existing, sorted(planned - existing)


def test_the_plan_itself_has_no_circle():
    assert circle_of(ROOMS) == ""


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_modules_of_a_room_import_each_other_without_a_circle(room):
    """Imports in functions and those for a type checker are counted: they are dependencies, too."""
    paths = [path for path in python_files("runs", "wfconsole") if room_of(module_of(path)) == room]
    # A package's own file is left out: importing a sister imports the package first, and that is no circle.
    modules = {module_of(path): path for path in paths if path.name != "__init__.py"}
    below = {
        module: {imported for imported, _ in imports(path)} & modules.keys() - {module}
        for module, path in modules.items()
    }
    assert circle_of(below) == ""


def circle_of(arrows: Mapping[str, set[str]]) -> str:
    """A circle in what imports what, as `a > b > a`; "" when there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return " > ".join(reversed(error.args[1]))
    return ""


def test_the_picture_of_the_rooms_is_drawn_from_the_code():
    drawing = runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))
    stored = (ROOT / "docs" / "img" / "architecture.svg").read_text()
    assert stored == drawing["draw"](drawing["room_arrows"]()), "Run python docs/draw_architecture.py"


def test_the_page_on_the_architecture_names_files_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py|\.js|/))(?::[^`]*)?`", text)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists() and not (ROOT / "runs" / name).exists()] == []


# The layers of the engine from the ground up: each imports only those before it.
ENGINE_LAYERS = ("errors", "data", "log", "redaction", "trace", "graph", "commands", "walk", "run", "definition")


def layer_of(module: str) -> str | None:
    """The layer that a module of the engine is in; None for the public face, and for all that is not the engine."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["runs", "engine"] and len(parts) > 2 else None


def test_the_layers_of_the_engine_import_only_lower_layers():
    """Imports for type checkers are counted, too: they are dependencies of the reader."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in python_files("runs/engine")
        for imported, line in imports(path)
        if (layer := layer_of(module_of(path))) is not None and imported.startswith("runs.")
        if (below := layer_of(imported)) is None or ENGINE_LAYERS.index(below) > ENGINE_LAYERS.index(layer)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_knows_neither_django_nor_a_database(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {imported}"
        for path in python_files(room.replace(".", "/"))
        for imported, line in imports(path)
        if imported.split(".")[0] in WEB
    ]
    assert not wrong, "\n".join(wrong)


def test_the_engine_can_be_imported_without_django(tmp_path):
    import sys

    code = "import sys, runs.engine; sys.exit('django' in sys.modules or 'channels' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_file_is_crowded():
    crowded = {
        str(path.relative_to(ROOT)): lines
        for path in python_files("runs", "wfconsole", "tests", "bench")
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > MOST_LINES_OF_A_FILE
    }
    assert not crowded


def test_no_function_is_crowded():
    crowded = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in python_files("runs", "wfconsole")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    ]
    assert not crowded, "\n".join(crowded)


@pytest.mark.parametrize("suffix", ["js", "css"])
def test_no_script_or_style_sheet_is_crowded(suffix):
    crowded = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "static" / suffix).rglob(f"*.{suffix}")
        if (lines := len(path.read_text().splitlines())) > MOST_LINES_OF_A_FILE
    }
    assert not crowded


# The code that changes a run's status, and the claims that go with it.
STATUS_OWNERS = {"runs.store.transitions", "runs.store.claims"}
STATUS_COLUMNS = ("status", "queued", "epoch", "ended_at")
SETS_STATUS = re.compile(rf"\bUPDATE\b.*?\bSET\b((?!\bWHERE\b).)*?\b({'|'.join(STATUS_COLUMNS)}) =", re.DOTALL)
INSERTS_RUN = re.compile(r"\bINSERT INTO (\{RUNS\}|runs_workflowrun)")
RUN_ATTRIBUTE = re.compile(rf"\b(run|made|child)\.({'|'.join(STATUS_COLUMNS)})")


def status_writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where code writes the status of a run: as SQL, by a keyword of update() or WorkflowRun(), or as an attribute."""
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.JoinedStr | ast.Constant) else ""
        if SETS_STATUS.search(text) or INSERTS_RUN.search(text):
            yield node.lineno, text
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = ", ".join(map(ast.unparse, node.targets if isinstance(node, ast.Assign) else [node.target]))
            if RUN_ATTRIBUTE.search(targets):
                yield node.lineno, targets
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            names = {keyword.arg for keyword in node.keywords}
            if called.endswith((".update", "WorkflowRun")) and names.intersection(STATUS_COLUMNS):
                yield node.lineno, called


def test_one_module_changes_the_status_of_runs():
    writes = {
        f"{path.relative_to(ROOT)}:{line} {text[:80]}": module_of(path)
        for path in python_files("runs", "wfconsole")
        if not {"engine", "migrations"} & set(path.relative_to(ROOT).parts)
        for line, text in status_writes(ast.parse(path.read_text()))
    }
    strangers = [place for place, module in writes.items() if module not in STATUS_OWNERS]
    assert not strangers, "\n".join(strangers)
    assert set(writes.values()) == STATUS_OWNERS  # it does find them


@pytest.mark.parametrize(
    "code",
    [
        "runs.filter(pk=1).update(status='failed')",
        "WorkflowRun(status='failed')",
        "run.status, run.queued = 'failed', False",
        "execute(f\"UPDATE {RUNS} SET last_seq = 1, status = 'failed' WHERE id = 1\")",
        'execute(f"INSERT INTO {RUNS} (id) VALUES (1)")',
    ],
)
def test_each_way_to_write_a_status_is_found(code):
    assert list(status_writes(ast.parse(code)))


# Paths of one machine, words of a workplace: the tree is the product's alone. Written apart, so as not to find itself.
NOT_OURS = re.compile("|".join(["/" + "work/", "/" + "tmp/" + "brief", "/root" + r"/\.", r"\bDESIGN" + r"\.md\b"]))


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:  # an archive without its history
        return [path for path in ROOT.rglob("*") if path.is_file() and not {".venv", "var"} & set(path.parts)]
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def test_the_tree_names_no_machine_and_no_workplace():
    found = []
    for path in tracked_files():
        if "vendor" in path.parts or path.suffix in {".png", ".ico", ".woff2"} or not path.exists():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if NOT_OURS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_templates_have_no_inline_style_or_script():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in (ROOT / "templates").rglob("*.html")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\sstyle=|<style|\son\w+=|hx-on|javascript:|<script(?![^>]*\ssrc=)", line)
    ]
    assert not found, "\n".join(found)
