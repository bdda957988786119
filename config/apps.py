"""Django's admin with a site of our own."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class GlimpseAdminConfig(AdminConfig):
    default_site = "campaigns.site.GlimpseSite"
