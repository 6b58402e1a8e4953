"""Workflow definitions and their versions."""

from django.conf import settings
from django.db import models

from .ordered_json import OrderedJSONField

# The problem of a JSON definition that was deleted although runs point to it.
DELETED = "It was deleted. Its runs are kept."


class WorkflowDefinitionQuerySet(models.QuerySet["WorkflowDefinition"]):
    def enabled(self) -> "WorkflowDefinitionQuerySet":
        return self.filter(enabled=True)

    def runnable(self) -> "WorkflowDefinitionQuerySet":
        """Those that a new run can be started of."""
        return self.filter(enabled=True, problem="", current__isnull=False)

    def dynamic(self) -> "WorkflowDefinitionQuerySet":
        """Those made from data, apart from what was deleted and is kept for its runs."""
        return self.filter(origin=WorkflowDefinition.Origin.DYNAMIC).exclude(problem=DELETED)

    def with_current(self) -> "WorkflowDefinitionQuerySet":
        """Each definition with the version that new runs get, in the same query."""
        return self.select_related("current")


class WorkflowDefinition(models.Model):
    """A workflow that can be run: its name for people and programs, and which version new runs get."""

    class Origin(models.TextChoices):
        CODE = "code", "Python code"
        DYNAMIC = "dynamic", "JSON definition"

    id = models.CharField(primary_key=True, max_length=200)  # the workflow's id, as in URLs
    origin = models.CharField(max_length=10, choices=Origin)
    description = models.TextField(blank=True)
    enabled = models.BooleanField("takes new runs", default=True)
    # Why it cannot be run just now, in one sentence: its code is gone, say. Empty: it can.
    problem = models.CharField(max_length=300, blank=True, editable=False)
    current = models.ForeignKey(
        "WorkflowVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    concurrency = models.PositiveIntegerField(
        "runs at once", null=True, blank=True, help_text="How many of its runs may be active together. Empty: no limit."
    )
    time_limit = models.PositiveIntegerField(
        "time limit",
        null=True,
        blank=True,
        help_text="Seconds that a run may take, from the moment it is due to start and with all that it waits for. "
        "A run that takes longer fails. A limit given at the start wins over this one, and this one over the code's. "
        "Empty: the code's own limit, or none.",
    )
    # How long its runs are kept once they have ended; see retention/retention.py.
    keep_values_days = models.PositiveIntegerField(
        "keep values for days",
        null=True,
        blank=True,
        help_text="Inputs, results, steps, chunks and spans of a run are deleted so many days after its end. The run "
        "itself stays in the lists, with its status, times, tags and error. Empty: for as long as the run is kept.",
    )
    keep_days = models.PositiveIntegerField(
        "keep runs for days",
        null=True,
        blank=True,
        help_text="A run is deleted altogether so many days after its end. Empty: for ever.",
    )
    keep_runs = models.PositiveIntegerField(
        "keep so many runs",
        null=True,
        blank=True,
        help_text="Of the runs that have ended, the newest so many are kept; older ones are deleted altogether. "
        "Empty: all.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = WorkflowDefinitionQuerySet.as_manager()

    class Meta:
        verbose_name = "workflow"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id


class WorkflowVersionQuerySet(models.QuerySet["WorkflowVersion"]):
    pass


class WorkflowVersion(models.Model):
    """One content of a definition. A run points to the version it ran, so an old run keeps its graph and schemas."""

    definition = models.ForeignKey(WorkflowDefinition, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)  # SHA-256 over graph, steps and schemas, hexadecimal
    graph = OrderedJSONField(default=list)  # the serialised step graph: a list of entries
    steps = OrderedJSONField(default=dict)  # by step id: description, schemas, metadata
    input_schema = OrderedJSONField(null=True, blank=True)  # JSON Schemas; None: anything is accepted
    output_schema = OrderedJSONField(null=True, blank=True)
    state_schema = OrderedJSONField(null=True, blank=True)
    request_context_schema = OrderedJSONField(null=True, blank=True)
    definition_json = OrderedJSONField(null=True, blank=True)  # of a JSON definition: the text as it was saved
    # Of a JSON definition: the workflows that it runs as steps, by id the number of the version, and so for good.
    nested = OrderedJSONField(null=True, blank=True)
    change = models.CharField("what changed", max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkflowVersionQuerySet.as_manager()

    class Meta:
        verbose_name = "version"
        ordering = ["definition", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["definition", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["definition", "content_hash"], name="version_content_once"),
        ]

    def __str__(self) -> str:
        return f"{self.definition_id} v{self.number}"

    @property
    def content(self) -> object:
        """What it is made of, to be compared with another version: its definition; of code, graph and schemas."""
        if self.definition_json is not None:
            return self.definition_json
        schemas = {"inputSchema": self.input_schema, "outputSchema": self.output_schema}
        schemas |= {"stateSchema": self.state_schema, "requestContextSchema": self.request_context_schema}
        return {**{name: schema for name, schema in schemas.items() if schema is not None}, "graph": self.graph}
