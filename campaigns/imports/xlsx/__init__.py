"""Excel's workbooks, read as a stream: memory is bounded, whatever the file claims to hold.

openpyxl keeps every distinct text of a workbook in memory; a list of a million addresses consists
of little else. Here they wait in a file.
"""

from __future__ import annotations

from campaigns.imports.xlsx.workbook import open_workbook

__all__ = ["open_workbook"]
