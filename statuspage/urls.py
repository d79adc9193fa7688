from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

handler500 = "statuspage.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("subscribe/", include("subscriptions.urls")),
]
