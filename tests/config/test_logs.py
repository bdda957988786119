from __future__ import annotations

import json
import logging
import sys

from config.logs import JsonFormatter, TextFormatter


def record(message: str, *arguments: object, **fields: object) -> logging.LogRecord:
    logger = logging.getLogger("tracker.recorder")
    return logger.makeRecord(
        logger.name, logging.ERROR, "recorder.py", 1, message, arguments, None, extra=fields
    )


def test_a_line_for_people_ends_with_the_name_of_its_incident() -> None:
    line = TextFormatter().format(record("%d hits were lost", 3, incident="hits_lost", lost=3))
    assert line.endswith("3 hits were lost incident=hits_lost lost=3")
    assert " ERROR tracker.recorder pid=" in line


def test_a_line_for_machines_is_one_object_with_its_fields() -> None:
    text = JsonFormatter().format(record("away: %s", 'no "route"\nto host', incident="away"))
    assert "\n" not in text
    line = json.loads(text)
    assert (line["message"], line["incident"]) == ('away: no "route"\nto host', "away")
    assert (line["level"], line["logger"]) == ("ERROR", "tracker.recorder")
    assert line["at"].endswith("+00:00")


def test_a_traceback_stays_on_the_line_and_a_request_stays_out() -> None:
    said = record("unexpected", request=object())
    try:
        raise ValueError("here")
    except ValueError:
        said.exc_info = sys.exc_info()
    line = json.loads(JsonFormatter().format(said))
    assert "ValueError: here" in line["traceback"]
    assert "request" not in line
