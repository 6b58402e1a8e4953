"""A step's function with all that an execution of it is given: what its context shows, and what its attempts share."""

from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy

from ..data.undefined import UNSET
from ..data.user_code import call_plain
from ..log.records import StepRecord
from ..redaction.redactor import Redactor
from ..trace.tracing import TraceSpan
from ..trace.values import Value
from .execution import Execution
from .position import Start, StepPosition
from .writer import Sink


class StepInvocation:
    """A step's function, or its nested workflow, with all that it is given."""

    __slots__ = (
        "checked",
        "ex",
        "is_learned",
        "payload",
        "pristine",
        "reads_again",
        "record",
        "schema_instance",
        "sink",
        "site",
        "source",
        "span",
        "start",
        "unread",
    )

    def __init__(
        self,
        ex: Execution,
        site: StepPosition,
        span: TraceSpan,
        record: StepRecord,
        payload: Value,
        instance: object,
        start: Start,
    ) -> None:
        self.ex = ex
        self.site = site
        self.span = span
        self.record = record
        self.payload = payload
        self.schema_instance = instance
        self.source = payload  # what an instance is read from, after the first one
        self.pristine: object = UNSET  # a copy of the first instance, where reading might not give its like
        self.start = start
        self.sink: Sink = ex  # where the chunks of the attempt now running go
        self.is_learned = False  # see CurrentStep
        self.reads_again = False
        self.unread: Exception | None = None  # what the code of a model raised when it was to read the input

    def keep(self, given: Value, *, retries: bool) -> None:
        """Read further instances from what was given: from the payload, they would be others than the first one."""
        self.source = given
        if retries and self.schema_instance is not UNSET:
            with suppress(Exception):  # not everything can be copied; then it is read again
                self.pristine = call_plain(deepcopy, self.schema_instance)

    # --- As a CurrentStep ---

    @property
    def run_id(self) -> str:
        return self.ex.snapshot.run_id

    @property
    def workflow_id(self) -> str:
        return self.site.flow.workflow.id

    @property
    def path(self) -> str:
        return self.site.path

    @property
    def redactor(self) -> Redactor:
        return self.ex.redactor

    def given(self) -> Iterable[object]:
        return (self.payload.value, self.record.given, self.record.resume_payload)
