"""What stops a move: said in one sentence that tells what to do."""

from __future__ import annotations


class MoveError(Exception):
    """Its text is for the person who typed the command."""
