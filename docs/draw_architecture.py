"""Draws docs/img/architecture.svg from the imports of the code: a row for each floor, an arrow for each import.

`python docs/draw_architecture.py` writes the file; tests/test_architecture.py compares it with the code. A room is a
package or a module directly under `runs/`, and `wfconsole` as a whole. Arrows that follow from two others are left out.
"""

import ast
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "img" / "architecture.svg"
WIDTH, BOX_WIDTH, BOX_HEIGHT, FLOOR_HEIGHT, MARGIN = 1040, 124, 34, 84, 24  # pixels
LEFT_OUT = {"apps", "migrations"}  # Django imports these by name

Arrows = dict[str, set[str]]


def room_of(module: str) -> str | None:
    """The room of a dotted module name; None for what is not part of the product."""
    parts = module.split(".")
    if parts[0] == "wfconsole":
        return "wfconsole"
    return parts[1] if parts[0] == "runs" and len(parts) > 1 and parts[1] not in LEFT_OUT else None


def imported_modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, as a dotted name; `TYPE_CHECKING` imports included."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{source}.{name.name}" for name in node.names)


def room_arrows() -> Arrows:
    """For each room, the rooms that it imports from."""
    arrows: Arrows = {}
    for path in sorted([*(ROOT / "runs").rglob("*.py"), *(ROOT / "wfconsole").rglob("*.py")]):
        room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if room is None or room == "__init__":
            continue
        below = {found for module in imported_modules(path) if (found := room_of(module)) is not None}
        arrows.setdefault(room, set()).update(below - {room})
    return {room: {target for target in below if target in arrows} for room, below in arrows.items()}


def floors_of(arrows: Arrows) -> list[list[str]]:
    """The rooms in rows, lowest first: each imports from rows below it alone. Raises ValueError for a circle."""
    left, floors = dict(arrows), []
    while left:
        floor = sorted(room for room, below in left.items() if not below & left.keys())
        if not floor:
            raise ValueError(f"These rooms import each other in a circle: {sorted(left)}")
        floors.append(floor)
        left = {room: below for room, below in left.items() if room not in floor}
    return floors


def direct_arrows(arrows: Arrows) -> Arrows:
    """The arrows that do not follow from others."""

    def reached(room: str) -> set[str]:
        return arrows[room].union(*(reached(target) for target in arrows[room]))

    return {
        room: {target for target in below if not any(target in reached(other) for other in below - {target})}
        for room, below in arrows.items()
    }


def draw(arrows: Arrows) -> str:
    """The picture, as SVG."""
    floors = floors_of(arrows)[::-1]
    height = FLOOR_HEIGHT * len(floors) + MARGIN
    places: dict[str, tuple[float, float]] = {}
    for row, floor in enumerate(floors):
        for index, room in enumerate(floor):
            places[room] = (WIDTH * (index + 1) / (len(floor) + 1), MARGIN + BOX_HEIGHT / 2 + row * FLOOR_HEIGHT)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'font-family="system-ui, sans-serif" font-size="13">',
            "<title>The rooms of wfconsole; an arrow points to what a room imports from</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#8a8f98"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
            *_lines(direct_arrows(arrows), places),
            *_boxes(places),
            "</svg>\n",
        ]
    )


def _lines(arrows: Arrows, places: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    for room in sorted(arrows):
        for target in sorted(arrows[room]):
            (x, y), (to_x, to_y) = places[room], places[target]
            top, end = y + BOX_HEIGHT / 2, to_y - BOX_HEIGHT / 2 - 2
            bend = (top + end) / 2
            yield (
                f'<path d="M{x:.0f} {top:.0f}C{x:.0f} {bend:.0f} {to_x:.0f} {bend:.0f} {to_x:.0f} {end:.0f}" '
                'fill="none" stroke="#8a8f98" marker-end="url(#tip)"/>'
            )


def _boxes(places: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    for room, (x, y) in places.items():
        yield (
            f'<rect x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
            f'rx="6" fill="#f4f6fa" stroke="#5b6b8c"/><text x="{x:.0f}" y="{y + 4.5:.1f}" text-anchor="middle" '
            f'fill="#1d2433">{escape(room)}</text>'
        )


if __name__ == "__main__":
    PICTURE.write_text(draw(room_arrows()))
