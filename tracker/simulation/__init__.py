"""A day of invented opens through the real endpoint, whose fetchers are known.

A mix says who fetches what and when; the requests are sent at once, over HTTP; their opens are
then spread over the day; at the end the verdicts are held against the truth.
"""
