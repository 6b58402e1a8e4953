"""Forms for JSON Schemas: fields, rows, and the way back from a posted form to a value.

Start at schema_form.py. Knows nothing of runs.
"""
