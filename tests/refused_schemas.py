"""Schemas that no place may take, and a socket that notices when one of them is fetched."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

NAMES = ("fetched", "opened", "dialect", "relative", "loop", "bomb", "pattern", "kind", "nested")
# Kinds of which each names the next one twice: 2 ** 30 ways to the last one.
BOMB: dict[str, Any] = {f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(30)}


def refused_schema(name: str, address: str) -> tuple[dict[str, Any], str]:
    """A schema that is refused, and the JSON Pointer that the refusal names. `address`: of a server to be asked."""
    return {
        "fetched": ({"properties": {"a": {"$ref": f"{address}/x"}}}, "/properties/a/$ref"),
        "opened": ({"properties": {"a": {"$ref": "file:///etc/hostname"}}}, "/properties/a/$ref"),
        "dialect": ({"$schema": f"{address}/x"}, "/$schema"),
        "relative": ({"$id": f"{address}/base/", "items": {"$ref": "x"}}, "/items/$ref"),
        "loop": ({"allOf": [{"$ref": "#"}]}, "/allOf/0"),
        "bomb": ({"$ref": "#/$defs/d0", "$defs": {**BOMB, "d30": {}}}, "/$defs/d"),
        "pattern": ({"patternProperties": {"(": {}}}, "/patternProperties/("),
        "kind": ({"properties": {"a": {"type": "objekt"}}}, "/properties/a/type"),
        "nested": ({"not": {"$dynamicRef": f"{address}/x#a"}}, "/not/$dynamicRef"),
    }[name]


@contextlib.contextmanager
def no_request() -> Iterator[str]:
    """The address of a server that nobody may ask while this lasts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.settimeout(0.05)
        try:
            connection, _ = server.accept()
        except TimeoutError:
            return
        connection.close()
        raise AssertionError("A schema was fetched.")
