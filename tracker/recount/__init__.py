"""Proves that counts are sums over opens, and repairs them where they are not."""

from __future__ import annotations

from tracker.recount.repair import repair
from tracker.recount.verify import Verification, verify

__all__ = ["Verification", "repair", "verify"]
