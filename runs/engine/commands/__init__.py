"""What a start, an answer, a restart and a time travel ask for, checked against graph and snapshot.

Runs nothing. Start at request.py and resuming.py.
"""
