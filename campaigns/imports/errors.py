"""Why an import as a whole ends early."""

from __future__ import annotations

from campaigns.imports.reasons import because


class UnreadableFileError(Exception):
    """The file as a whole cannot be read as a list of recipients; nothing was stored."""

    def __init__(self, pattern: str, **values: object) -> None:
        """``make messages`` collects the patterns, as those of ``because``."""
        self.reason = because(pattern, **values)
        super().__init__(self.reason)


class OutOfPatienceError(UnreadableFileError):
    """Somebody waits for a page, and the file's beginning takes too long."""


class CancelledError(Exception):
    """A person has asked for it; nothing was stored."""


class LostLeaseError(Exception):
    """Another process works on this import, or it is over: this one has to leave it alone."""


class InterruptedImportError(Exception):
    """This process has to end; another one goes on where it stood."""
