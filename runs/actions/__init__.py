"""What people and programs do with runs: a file for each act.

Pages, API and commands call these functions; each checks, and then makes one transition of runs.store.
"""
