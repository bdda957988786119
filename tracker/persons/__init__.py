"""A person's rights: everything about them as one document, and their erasure."""

from __future__ import annotations
