"""Notices about runs that have ended: signed webhooks, and e-mails.

May import models, executor.dispatch and the HTTP step's address checks. Start reading at `sender.py`, which sends what
the outbox holds.
"""
