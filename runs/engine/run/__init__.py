"""Run and Workflow: what callers of the engine use.

The top layer. Start at workflow.py and run.py.
"""
