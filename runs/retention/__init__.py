"""How long runs and their values are stored: policies, and the purge that carries them out.

Start at retention.py; purge.py deletes in small transactions.
"""
