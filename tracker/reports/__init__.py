"""Counts become rates, charts and lists: what pages, commands and files show."""
