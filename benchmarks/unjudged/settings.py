"""The product's settings, with the server file beside this one."""

from __future__ import annotations

from config.settings import *  # noqa: F403  # all but one are the product's

ASGI_APPLICATION = "benchmarks.unjudged.asgi.application"
