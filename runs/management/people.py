"""Who gives a command."""

import getpass

from runs.models import Actor


def who() -> Actor:
    """The account on this machine."""
    try:
        return Actor(f"{getpass.getuser()} (command line)")
    except (KeyError, OSError):  # an account without a name, as in a container
        return Actor("command line")
