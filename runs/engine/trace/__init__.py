"""Tracing options, spans and their ids.

Imports data/ and redaction/. Start at tracing.py.
"""
