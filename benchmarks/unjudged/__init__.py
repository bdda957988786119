"""This endpoint without verdicts: what judging costs is the difference."""
