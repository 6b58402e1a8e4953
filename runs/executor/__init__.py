"""What gets runs executed: admission, leadership, claims, recovery, deadlines.

dispatch.py is the port that everybody else uses; embedded.py is the executor of this process.
"""
