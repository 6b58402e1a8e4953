"""Workflows and their runs: pure Python, usable without Django."""
