"""Tracing options, spans and their ids.

Imports what is below: data/, log/, redaction/. Start at tracing.py.
"""
