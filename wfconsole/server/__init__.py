"""Every change of a library that the server makes: what it gains, and when it can go.

Imported by servers alone.
"""
