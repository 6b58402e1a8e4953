"""Who gives a command."""

import getpass


def who() -> str:
    """The name that runs and audit entries carry: the account on this machine."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # an account without a name, as in a container
        return "command line"
