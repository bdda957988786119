"""Before a mail is sent: is the pixel in it, once, whole and reachable? Plain Python."""

from __future__ import annotations

from tracker.mailcheck.check import MailCheck, Setting, check_mail
from tracker.mailcheck.findings import Finding, Level, Place
from tracker.mailcheck.mail import MOST_BYTES, UnreadableMailError
from tracker.mailcheck.owners import Ends, Lists, Owner

__all__ = [
    "MOST_BYTES",
    "Ends",
    "Finding",
    "Level",
    "Lists",
    "MailCheck",
    "Owner",
    "Place",
    "Setting",
    "UnreadableMailError",
    "check_mail",
]
