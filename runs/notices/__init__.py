"""Notices about runs that have ended: signed webhooks, and e-mails.

May import engine, models, steps and executor. Start reading at `sender.py`, which sends what
the outbox holds.
"""
