"""Parts of the server's libraries that the console never uses, and that are left out of its process.

Twisted imports all of TLS where that is installed, and Autobahn, for its sockets, the sign-in of WAMP with a library of
cryptography. A proxy speaks TLS for the console, and nobody speaks WAMP with it. Neither library can be asked to do
without; both do when they find these modules as they are left here.
"""

import sys
from types import ModuleType


def stub_unused_modules() -> None:
    """Call it before Daphne is imported. What is imported already stays."""
    sys.modules.setdefault("OpenSSL", None)  # type: ignore[arg-type]  # as if it were not installed
    sys.modules.setdefault("autobahn.wamp.auth", ModuleType("autobahn.wamp.auth"))  # WAMP alone would look into it
