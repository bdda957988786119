"""Which address shows what: the only place that knows every app's pages."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from tracker.pages.password import OwnPassword

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="campaign_list")),
    path("", include("tracker.urls")),
    # Of Django's account pages those that need no mail: whoever forgot a password asks a person.
    path("accounts/login/", auth_views.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path(
        "accounts/password_change/",
        OwnPassword.as_view(),
        name="password_change",
    ),
    path(
        "accounts/password_change/done/",
        auth_views.PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    # Also before anybody has logged in.
    path("language/", login_not_required(set_language), name="set_language"),
    path("admin/", admin.site.urls),
]
