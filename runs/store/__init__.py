"""How runs are stored: connections, the group-commit writer, large values, history.

transitions.py is the only code that changes a run's status. Imports models and engine.
"""
