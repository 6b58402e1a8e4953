"""The engine's errors. An exception says that a call was wrong; a step that fails is a result, not an exception."""


class EngineError(Exception):
    """Root of all errors of the engine. `code` is Mastra's id, where it has one: clients compare it, not texts."""

    code: str | None = None
    # Where the reference's error has them, the JSON form of the error shows these too.
    domain: str | None = None
    category: str | None = None

    @property
    def details(self) -> dict[str, object]:
        """The keys of the error's JSON beside its message."""
        return {}


class InvalidInput(EngineError):
    """Data given to a call does not fit its schema. No step has run, nothing was written; correct it and call again.

    `issues` is a list of `(path, message)`, the path dotted with array indexes, such as `order.lines.1.qty`.
    """

    code: str | None = "WORKFLOW_SCHEMA_VALIDATION_FAILED"
    domain: str | None = "MASTRA_WORKFLOW"
    category: str | None = "USER"

    def __init__(self, head: str, issues: list[tuple[str, str]]) -> None:
        self.head = head
        self.issues = issues
        super().__init__(f"{head}: \n" + "\n".join(f"- {path}: {message}" for path, message in issues))

    @property
    def details(self) -> dict[str, object]:
        """What was checked: `input data`, `initial data`, `resume data` or `inputData`."""
        return {"type": self.head.removeprefix("Invalid ")}

    @property
    def part(self) -> str:
        """Which part of the request it was: inputData, initialState, requestContext or resumeData."""
        return _PARTS.get(self.head, "requestContext")


_PARTS = {
    "Invalid input data": "inputData",
    "Invalid initial data": "initialState",
    "Invalid resume data": "resumeData",
    "Invalid inputData": "inputData",
}


class InvalidRequestContext(InvalidInput):
    """The request context given to a call does not fit the workflow's schema."""

    code = None
    domain = None
    category = None


class StepRefused(EngineError):
    """A step's input, request context, suspend data or state does not fit its schema; the step fails with this."""

    name = "Error"
    domain = "MASTRA_WORKFLOW"
    category = "USER"

    def __init__(self, message: str, *, code: str | None, cause: dict[str, object] | None = None) -> None:
        self.code = code
        self.cause = cause
        super().__init__(message)


class InvalidWorkflow(EngineError):
    """The workflow itself is wrong: empty, not committed, or with two steps of one name."""


class RunNotFound(EngineError):
    """There is no run of this id in the store."""


class UnreadableEvent(EngineError):
    """An event of the run's log cannot be decoded: what was stored is damaged or missing."""

    def __init__(self, seq: int, type: str, reason: str) -> None:
        self.seq = seq
        super().__init__(f"Event {seq} ({type.removeprefix('workflow-')}) cannot be read: {reason}.")

    @classmethod
    def of_form(cls, seq: int, type: str, error: Exception) -> "UnreadableEvent":
        """JSON of any other form than the type of the event has; `error`: what reading it raised. Its text may have a
        value of the run, and is left out."""
        return cls(seq, type, f"its data is not that of such an event ({error.__class__.__name__})")


class MissingValue(EngineError):
    """A large value is not stored, or is stored in part. The text is the end of a sentence."""


class RunAlreadyExists(EngineError):
    """A run of this id is in the store already; pick another id, or leave it out."""


class RunAlreadyStarted(EngineError):
    """The run was started before. Make a new run to start the workflow again."""


class NotSuspended(EngineError):
    """The run, or the step named, does not wait for an answer now."""


class ResumeAlreadyClaimed(EngineError):
    """Of two resumes at the same moment one wins; this is what the other one gets."""

    code = "WORKFLOW_RESUME_ALREADY_CLAIMED"
    domain = "MASTRA_WORKFLOW"
    category = "USER"

    def __init__(self, workflow_id: str, run_id: str, actual: str) -> None:
        self._details: dict[str, object] = {
            "workflowId": workflow_id,
            "runId": run_id,
            "expectedStatus": "suspended",
            "actualStatus": actual,
        }
        super().__init__(
            "This suspended workflow run was already resumed by another caller. "
            f'Workflow "{workflow_id}" run "{run_id}" moved from "suspended" to "{actual}" '
            "before this resume could claim it. "
            "Only one resume() call may continue a given suspension; re-read the run state before resuming again."
        )

    @property
    def details(self) -> dict[str, object]:
        """Which run it was, and what it has become."""
        return self._details


class NotActive(EngineError):
    """Only a run that was left in the middle can be restarted."""


class CannotTimeTravel(EngineError):
    """The run is at work, or its graph and its records do not lead to the step named. Nothing was changed."""


class Fenced(EngineError):
    """Another owner has taken the run over. The former owner drops the run silently and writes nothing more."""


class NotJson(EngineError):
    """A value cannot be written as JSON. The message names the place, as a dotted path, and the type found there."""


class NonRetryableError(EngineError):
    """Raised by a step whose failure no further attempt can mend."""

    name = "MastraNonRetryableError"  # as the error's JSON calls it


class TripWire(EngineError):
    """Raised by a step to stop the run for a stated reason; the run ends as `tripwire`, not as `failed`."""

    name = "Error"

    def __init__(
        self, reason: str, *, retry: bool | None = None, metadata: object = None, processor_id: str | None = None
    ) -> None:
        self.reason = reason
        self.retry = retry
        self.metadata = metadata
        self.processor_id = processor_id
        super().__init__(reason)
