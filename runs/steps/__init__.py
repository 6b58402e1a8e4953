"""What definitions can use as tools: a file for each step. An application adds its own with `@step`."""

from runs.engine import Step

from .approval import approval
from .http_request import http_request
from .json_transform import json_transform
from .log_line import log_line
from .text_template import text_template
from .wait import wait

__all__ = ["TOOLS", "approval", "http_request", "json_transform", "log_line", "text_template", "wait"]

TOOLS: tuple[Step, ...] = (approval, http_request, json_transform, log_line, text_template, wait)
