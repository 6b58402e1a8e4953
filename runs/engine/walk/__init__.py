"""Executes the graph of a run: control flow, attempts, threads, cancellation.

Imports the layers below; a file for each kind of entry. Start at executor.py.
"""
