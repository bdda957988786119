"""How dates and times look in English: Django's own names for the admin, ours for the pages."""

from __future__ import annotations

DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"

# In running text.
LONG_DATE = "j F Y"
LONG_DATETIME = "j F Y, H:i"
WEEKDAY_DATE = "l j F Y"
WEEKDAY_DATETIME = "l j F Y, H:i"
WEEKDAY_SECONDS = "l j F Y, H:i:s"
# In tables and charts.
DAY_OF_WEEK = "D j M"
DAY_OF_WEEK_YEAR = "D j M Y"
DAY_OF_WEEK_TIME = "D j M, H:i"
WEEKDAY_TIME = "D H:i"
DAY = "j M"
DAY_YEAR = "j M Y"
MONTH = "M"
MONTH_YEAR = "M Y"
LONG_MONTH_YEAR = "F Y"
CLOCK = "H:i"
SECONDS = "H:i:s"
