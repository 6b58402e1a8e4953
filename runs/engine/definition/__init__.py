"""A workflow as JSON: checked, and built as a Workflow.

Stands beside the other layers and may import all of them. Start at definition.py.
"""
