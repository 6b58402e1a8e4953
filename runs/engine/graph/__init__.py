"""The graph of a workflow: steps, entries, conditions, mappings.

Knows nothing of runs. Start at step.py and graph.py.
"""
