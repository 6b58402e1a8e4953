"""Django middleware, a file for each.

settings.py gives the order and the reasons for it.
"""
