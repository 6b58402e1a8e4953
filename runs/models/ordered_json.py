"""JSON whose order means something to people."""

import json
from typing import Any

from django.db import models


class OrderedJSONField(models.JSONField):
    """JSON that comes back as it went in.

    PostgreSQL's jsonb sorts the keys of an object; but the order of a schema's properties is the order of the fields in
    a form, and that of steps their order in a graph. There, the text itself is kept.
    """

    def db_type(self, connection: Any) -> str | None:
        return "text" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if connection.vendor != "postgresql" or value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_value(value, connection, prepared)
        return json.dumps(value, cls=self.encoder)
