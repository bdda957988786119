"""The first administrator, with a random password that is shown this once."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Create the first administrator and print a random password; does nothing later on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", default="admin", help="default: %(default)s")
        parser.add_argument("--once", action="store_true", help="say nothing if there is one")

    def handle(self, *args: Any, username: str, once: bool, **options: Any) -> None:
        user_class = get_user_model()
        existing = user_class.objects.filter(is_superuser=True).first()
        if existing is not None:
            if not once:
                self.stdout.write(f"There is an administrator already: {existing}. Nothing done.")
            return
        password = secrets.token_urlsafe(12)
        user_class.objects.create_superuser(username, password=password)
        self.stdout.write("An administrator was created. This is shown once:\n")
        self.stdout.write(f"    user name  {username}\n    password   {password}\n")
        self.stdout.write("Forgotten? manage.py changepassword " + username)
