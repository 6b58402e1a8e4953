"""The admin site: definitions, people and rights; runs to be looked at, and canceled. A file for each noun."""

from . import audit_entry, run_tag, webhook, workflow_definition, workflow_run, workflow_version

__all__ = ["audit_entry", "run_tag", "webhook", "workflow_definition", "workflow_run", "workflow_version"]
