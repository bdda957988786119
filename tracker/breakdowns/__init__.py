"""Counts by provider, client, system and device: added up apart, so that no page scans opens."""

from __future__ import annotations
