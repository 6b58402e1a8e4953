"""JSON values, schemas and the request context: what flows through a run.

Imports nothing of the engine but its errors. Start at json_value.py and schemas.py.
"""
