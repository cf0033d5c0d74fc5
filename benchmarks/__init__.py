"""Measurements of this project, each beside the bare commands that do the same."""
