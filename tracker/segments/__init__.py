"""Segments: recipients chosen by what came back from them, to write to again or to take away."""
