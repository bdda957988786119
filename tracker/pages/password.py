"""Everybody's own password, changed by themselves."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpResponse

from campaigns.audit import Action, record


class OwnPassword(PasswordChangeView):
    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        if isinstance(self.request.user, AbstractBaseUser):
            record(Action.PASSWORD_CHANGED, self.request.user, self.request.user)
        return answer
