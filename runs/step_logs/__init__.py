"""What steps log: captured from whichever logger, redacted, bounded, stored.

Start at run_logs.py.
"""
