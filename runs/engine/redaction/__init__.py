"""What is secret, and how it is taken out of values and texts.

Imports data/ and log/. Start at redactor.py: every surface that shows something of a run uses its class.
"""
