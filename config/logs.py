"""How a line of the log looks: for people, or as one JSON object for machines."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

# What every record has; whatever else stands on one was given to it as a field.
ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Django hands its request along, which is no field.
UNWANTED = frozenset({"request"})


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What was said with ``extra=``: such as the incident that a line is about."""
    left_out = ORDINARY | UNWANTED
    return {name: value for name, value in vars(record).items() if name not in left_out}


class RefusalsInOneLine(logging.Filter):
    """A request that was refused is no fault of the code: no traceback, and no lines of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", None)
        if isinstance(status, int) and 400 <= status < 500:
            # What the client sent may be in the message.
            record.msg, record.args = " ".join(record.getMessage().splitlines()), ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True


class TextFormatter(logging.Formatter):
    """One line, its fields at the end as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s pid=%(process)d %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the base class's
        fields = "".join(f" {name}={value}" for name, value in fields_of(record).items())
        return super().formatMessage(record) + fields


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, pid, message, its fields, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)
