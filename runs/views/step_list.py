"""The steps that definitions can use: /steps/."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from runs.forms.tool_reference import tool_reference

from .request import Request


@require_GET
@permission_required("runs.view_workflowdefinition", raise_exception=True)
def step_list(request: Request) -> HttpResponse:
    return render(request, "runs/step_list/page.html", {"tools": tool_reference()})
