"""A real process that executes runs, as the web server does, but without pages."""

import os
import signal
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfconsole.settings")


def main() -> None:
    import django

    django.setup()
    from runs.executor import dispatch

    asked_to_end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked_to_end.set())
    dispatch.start_executor()
    print("started", flush=True)
    asked_to_end.wait()  # then atexit stops the executor


if __name__ == "__main__":
    main()
