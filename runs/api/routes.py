"""Every route that the API documents, in the order of its document."""

from . import resume_routes, run_routes, start_routes, stored_routes, trace_routes, workflow_routes

MODULES = (workflow_routes, run_routes, start_routes, resume_routes, stored_routes, trace_routes)
ROUTES = [route for module in MODULES for route in module.router.routes]
