"""From a file to recipients: read as a stream, judged line by line, staged, stored at once.

formats, lines, delimited, xlsx → records → columns, rows, addresses, slips → staging → run.
``files``, ``lease`` and ``forget`` keep what lies around in between.
"""
