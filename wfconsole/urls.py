"""The entrance for HTTP: the console's pages, the API, and the admin site."""

from django.contrib import admin
from django.urls import include, path

handler500 = "wfconsole.middleware.database_errors.answer_500"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("runs.api.urls")),
    path("", include("runs.urls")),
]
