"""What a program calls: the HTTP API, a file for each noun.

May import engine, models, catalog, store, actions, live, executor and tracing.
Start reading at `urls.py`, then `router.py` and one of the `*_routes.py`.
"""
