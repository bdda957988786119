"""What mail clients call themselves."""

from __future__ import annotations

from django.db import models

from tracker.hits import USER_AGENT_LENGTH


class UserAgent(models.Model):
    """What mail clients call themselves, once each, so that the opens stay narrow."""

    text = models.CharField(max_length=USER_AGENT_LENGTH)

    class Meta:
        constraints = [
            # Also serves: the writer's look-up of the agents that it has not met before.
            models.UniqueConstraint(fields=["text"], name="user_agent_text_is_unique"),
        ]

    def __str__(self) -> str:
        return self.text
