"""Which workflows and versions exist: those in code (registry.py) and those written as JSON (definitions.py).

Imports models, steps and engine.
"""
