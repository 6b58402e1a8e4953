"""The sitemap. A page's URL name, view file, template and test share one word."""

from django.urls import path

from runs.views import (
    frame,
    home,
    inbox,
    metrics,
    run_again,
    run_answer,
    run_detail,
    run_events,
    run_find,
    run_list,
    run_logs,
    run_start,
    run_value,
    run_watch,
    sign_in,
    status,
    step_list,
    system,
    token_list,
    trace_detail,
    webhook_detail,
    webhook_list,
    workflow_detail,
    workflow_list,
)

urlpatterns = [
    path("", home.home, name="home"),
    # sign-in
    path("sign-in/", sign_in.SignIn.as_view(), name="sign_in"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign_out"),
    path("preference/", frame.preference, name="preference"),
    # workflows
    path("steps/", step_list.step_list, name="step_list"),
    path("workflows/", workflow_list.workflow_list, name="workflow_list"),
    path("workflows/<id:workflow_id>/", workflow_detail.workflow_detail, name="workflow_detail"),
    path("workflows/<id:workflow_id>/switch/", workflow_detail.workflow_switch, name="workflow_switch"),
    path("workflows/<id:workflow_id>/start/", run_start.run_start, name="run_start"),
    # runs
    path("runs/", run_list.run_list, name="run_list"),
    path("find/", run_find.run_find, name="run_find"),
    path("runs/<id:run_id>/", run_detail.run_detail, name="run_detail"),
    path("runs/<id:run_id>/answer/", run_answer.run_answer, name="run_answer"),
    path("runs/<id:run_id>/again/", run_again.again, name="run_again"),
    path("runs/<id:run_id>/from-step/", run_again.from_step, name="run_from_step"),
    path("runs/<id:run_id>/cancel/", run_detail.run_cancel, name="run_cancel"),
    path("runs/<id:run_id>/watch/", run_watch.run_watch, name="run_watch"),
    path("runs/<id:run_id>/value/", run_value.run_value, name="run_value"),
    path("runs/<id:run_id>/events", run_events.run_events, name="run_events"),
    path("runs/<id:run_id>/events.ndjson", run_events.run_events_ndjson, name="run_events_ndjson"),
    path("runs/<id:run_id>/log.txt", run_logs.run_log_text, name="run_log_text"),
    path("runs/<id:run_id>/digest", run_events.run_digest, name="run_digest"),
    path("traces/<id:trace_id>/", trace_detail.trace_detail, name="trace_detail"),
    path("traces/<id:trace_id>/trace.json", trace_detail.trace_download, name="trace_download"),
    path("traces/<id:trace_id>/spans/<id:span_id>/value/", trace_detail.span_value_part, name="span_value"),
    # for programs
    path("me/tokens/", token_list.token_list, name="token_list"),
    path("me/tokens/<int:token_id>/revoke/", token_list.token_revoke, name="token_revoke"),
    path("webhooks/", webhook_list.webhook_list, name="webhook_list"),
    path("webhooks/<int:webhook_id>/", webhook_detail.webhook_detail, name="webhook_detail"),
    path("webhooks/<int:webhook_id>/<str:act>/", webhook_detail.webhook_act, name="webhook_act"),
    path("deliveries/<int:delivery_id>/again/", webhook_detail.delivery_again, name="delivery_again"),
    path("inbox/", inbox.inbox, name="inbox"),
    # for machines
    path("system/", system.system, name="system"),
    path("healthz", status.healthz, name="healthz"),
    path("readyz", status.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
