"""Measures what a recorded open costs, side by side with other ways to answer a pixel."""
