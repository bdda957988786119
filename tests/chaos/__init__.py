"""Failures as real as they come, at random moments, under real load; run by ``make chaos``."""
