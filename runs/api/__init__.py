"""What a program calls: the HTTP API, a file for each noun.

May import the layers that views may: actions, live, executor, store, models, engine; not views, admin or management.
Start reading at `urls.py`, then `router.py` and one of the `*_routes.py`.
"""
