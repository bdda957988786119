"""Imports at work: campaigns.imports reads and stores, this gives the recipients their pixels.

In the foreground (``now``), or in a process beside ``serve`` that takes the tasks (``tasks``,
``companion``). What people see of it is in ``pages``; mistyped domains are mended in ``slips``.
"""
