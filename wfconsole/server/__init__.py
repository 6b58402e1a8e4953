"""The changes to libraries that the server makes; each file says what its change gains, measured, and when it can go.

Imported by `asgi.py` and `manage.py serve` alone; may import `wfconsole.middleware` and `runs.store`. Start reading at
`http_server.py`.
"""
