"""What the author of a workflow wrote beside an entry of its graph."""

from collections.abc import Mapping
from typing import NamedTuple


class EntryInfo(NamedTuple):
    """What the author of a workflow wrote beside a control-flow entry; None where nothing was written."""

    id: str | None = None
    description: str | None = None
    metadata: Mapping[str, object] | None = None

    def attributes(self) -> dict[str, object]:
        """Return the info as span attributes."""
        attributes = {"entryId": self.id, "entryDescription": self.description, "entryMetadata": self.metadata}
        return {key: value for key, value in attributes.items() if value is not None}
