"""A workflow as JSON: checked, and built as a Workflow.

The top layer, beside the public face: it may import all others. Start at definition.py.
"""
