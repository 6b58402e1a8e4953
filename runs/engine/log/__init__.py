"""The log of a run: events, records, and the snapshot that they fold to.

Imports data/ alone. Start at events.py and snapshot.py; RunStore and its in-memory form are in store.py.
"""
