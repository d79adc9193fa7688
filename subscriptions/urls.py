from __future__ import annotations

from django.conf import settings
from django.urls import include, path

from subscriptions import views

app_name = "subscriptions"
urlpatterns = [
    path("", views.subscribe, name="subscribe"),
    path("check-mail", views.check_mail, name="check-mail"),
    # path, not str: whatever a mail program made of a link is answered by the page that helps.
    path("confirm/<path:token>", views.confirm, name="confirm"),
    path("manage/<path:token>", views.manage, name="manage"),
    path("unsubscribe/<path:token>", views.unsubscribe, name="unsubscribe"),
]
if settings.ANYMAIL:
    urlpatterns.append(path("provider/", include("anymail.urls")))
