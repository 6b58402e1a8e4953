"""The engine's errors. An exception says that a call was wrong; a step that fails is a result, not an exception."""


class EngineError(Exception):
    """Root of all errors of the engine. `code` is Mastra's id, where it has one: clients compare it, not texts."""

    code: str | None = None


class InvalidInput(EngineError):
    """Data given to a call does not fit its schema. No step has run, nothing was written; correct it and call again.

    `issues` is a list of `(path, message)`, the path dotted with array indexes, such as `order.lines.1.qty`.
    """

    code = "WORKFLOW_SCHEMA_VALIDATION_FAILED"

    def __init__(self, head: str, issues: list[tuple[str, str]]) -> None:
        self.issues = issues
        super().__init__(f"{head}: \n" + "\n".join(f"- {path}: {message}" for path, message in issues))


class InvalidWorkflow(EngineError):
    """The workflow itself is wrong: empty, not committed, or with two steps of one name."""


class RunNotFound(EngineError):
    """There is no run of this id in the store."""


class RunAlreadyExists(EngineError):
    """A run of this id is in the store already; pick another id, or leave it out."""


class RunAlreadyStarted(EngineError):
    """The run was started before. Make a new run to start the workflow again."""


class NotSuspended(EngineError):
    """The run, or the step named, does not wait for an answer now."""


class ResumeAlreadyClaimed(EngineError):
    """Of two resumes at the same moment one wins; this is what the other one gets."""

    code = "WORKFLOW_RESUME_ALREADY_CLAIMED"


class NotActive(EngineError):
    """Only a run that was left in the middle can be restarted."""


class Fenced(EngineError):
    """Another owner has taken the run over. Whoever gets this drops the run silently and writes nothing more."""


class NotJson(EngineError):
    """A value cannot be written as JSON. The message names the place, as a dotted path, and the type found there."""


class NonRetryableError(EngineError):
    """Raised by a step whose failure no further attempt can mend."""


class TripWire(EngineError):
    """Raised by a step to stop the run for a stated reason; the run ends as `tripwire`, not as `failed`."""

    def __init__(self, reason: str, *, retry: bool | None = None, metadata: object = None) -> None:
        self.reason = reason
        self.retry = retry
        self.metadata = metadata
        super().__init__(reason)
